"""A run whose service goes away: what it says, and whether Dagster may retry it by itself."""

RETRY_TAG = "dagster/retry_on_asset_or_op_failure"
