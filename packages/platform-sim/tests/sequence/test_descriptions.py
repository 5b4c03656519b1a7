"""The reference page of descriptions has the keys that the reader accepts, and no others."""

from __future__ import annotations

import dataclasses

import pytest
from description_page import COMMAND, PAGE, page
from platform_sim.sequence import description_keys as keys
from platform_sim.sequence.description import parse_description
from platform_sim.sequence.errors import DescriptionError
from platform_sim.sequence.model import Group
from plugin_kit import LimitsError, read_limits


def test_the_page_is_as_the_code_writes_it():
    assert PAGE.read_text(encoding="utf-8") == page(), f"Run: {COMMAND}"


def test_the_file_has_a_list_of_steps_for_each_group():
    assert {group.value.lower() for group in Group} < keys.names_of(keys.FILE)


@pytest.mark.parametrize("place", ["", "[python]\n", "[[main]]\nname = 'a'\n"])
def test_a_key_that_the_page_does_not_have_is_refused(place):
    with pytest.raises(DescriptionError, match=r"surprise is not a known key\. The keys are "):
        parse_description(f"{place}surprise = 1")


def test_the_limits_of_an_output_have_the_keys_of_the_page():
    values = {"low": 0, "high": 2, "nominal": 1, "sites": {1: {"low": 0}}}
    assert values.keys() == keys.names_of(keys.LIMITS)
    read_limits({"volts": values})
    with pytest.raises(LimitsError):
        read_limits({"volts": {"surprise": 1}})


@pytest.mark.parametrize("key", keys.FLOW)
def test_each_option_of_a_step_is_read_with_the_kind_of_value_that_the_page_says(key):
    value = {"true or false": "true", "expression": "'1'", "text": "'Next'"}[key.kind]

    sequence = parse_description(f"[[main]]\nname = 'a'\n{key.name} = {value}").main_sequence()

    (step,) = sequence.main
    changed = dataclasses.asdict(step.flow)[key.name]
    assert changed == {"true": True, "'1'": "1", "'Next'": "Next"}[value]
