"""Expectations: from data map, plan and a person's own files to suites that know neither map nor plan."""
