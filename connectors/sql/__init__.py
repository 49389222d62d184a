"""SQL stores: the connector, and the expressions and primitives that set-based planning and apply are made of."""
