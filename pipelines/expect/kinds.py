"""Which kinds of expectations a person's suite may name, and on what: the rest tells values, or cannot run in SQL."""

from __future__ import annotations

import enum


class Reach(enum.StrEnum):
    """What a kind of expectation is about, and what its arguments and results hold."""

    COUNTS = "counts"
    """Names and patterns go in, counts come out: for any column."""
    VALUES = "values"
    """Values go in or come out: for columns that are not personal."""
    TABLE = "table"
    """Names and numbers about the table as a whole."""
    STATEMENT = "statement"
    """SQL goes in, a count comes out."""


_COUNTS = (
    "expect_column_to_exist",
    "expect_column_types_to_match",
    "expect_columns_to_exist",
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
    "expect_column_values_to_be_null",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_match_like_pattern",
    "expect_column_values_to_match_regex",
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_not_match_like_pattern",
    "expect_column_values_to_not_match_regex",
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
    "expect_compound_columns_to_be_unique",
)
_VALUES = (
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_distinct_values_to_equal_set",
    "expect_column_max_to_be_between",
    "expect_column_mean_to_be_between",
    "expect_column_median_to_be_between",
    "expect_column_min_to_be_between",
    "expect_column_most_common_value_to_be_in_set",
    "expect_column_pair_values_to_be_in_set",
    "expect_column_quantile_values_to_be_between",
    "expect_column_stdev_to_be_between",
    "expect_column_sum_to_be_between",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_not_be_in_set",
    "expect_multicolumn_sum_to_equal",
)
_TABLE = (
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_row_count_to_be_between",
    "expect_table_row_count_to_equal",
)
_STATEMENTS = ("expect_no_rows_where", "expect_query_to_count_none", "expect_rows_where_to_be_between")

REACH: dict[str, Reach] = {
    **dict.fromkeys(_COUNTS, Reach.COUNTS),
    **dict.fromkeys(_VALUES, Reach.VALUES),
    **dict.fromkeys(_TABLE, Reach.TABLE),
    **dict.fromkeys(_STATEMENTS, Reach.STATEMENT),
}
"""Every kind by its name."""

WHETHER = frozenset({"expect_query_to_count_none"})
"""Those of which it is told only whether they are met: what they count is the query's alone."""

COLUMNS = ("column", "column_A", "column_B", "column_list", "columns", "patterns")
"""The arguments that name columns: one, a list, or what is said of each."""
