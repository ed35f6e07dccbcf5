"""A run whose service goes away: what it says, and whether Dagster may retry it by itself."""

from collections.abc import Mapping

import dagster as dg
import pytest

from tests.rigs.code_location import CodeLocation

RETRY_TAG = "dagster/retry_on_asset_or_op_failure"
