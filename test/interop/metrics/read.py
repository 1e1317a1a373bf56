"""Reads a file with the strict OpenMetrics parser and says what it holds; anything it does not like is an error."""
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(open(sys.argv[1], encoding="utf-8").read()))
assert len(families) == 5, [family.name for family in families]
assert {family.type for family in families} == {"gauge"}
promotions = next(family for family in families if family.name == "weighmark_audit_promotion_ok")
names = [sample.labels["name"] for sample in promotions.samples]
assert names == ["acme/enc", 'acme/old "one"\\', "ünïcode\\u{a}# EOF"], names
