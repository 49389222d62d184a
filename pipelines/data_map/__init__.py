"""The data map: what binds a store's datasets to the retention model, proposed by the scan, approved by a person."""
