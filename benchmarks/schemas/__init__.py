"""Labelled schemas: what a reviewer would say of each column, for the accuracy of classification."""
