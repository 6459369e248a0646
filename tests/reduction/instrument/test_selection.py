"""A mask that leaves no detector is refused in words."""

from __future__ import annotations

import pytest

from reduction.instrument.geometry import powder_arc
from reduction.instrument.selection import MASKED, detector_groups
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.specs import Misfit, Refused

ARC = powder_arc()
DETECTORS = ARC.detector_id[~ARC.is_monitor]


@pytest.mark.parametrize(
    "mask",
    [
        f"0:{10 * int(DETECTORS.max())}",
        f"{DETECTORS.min()}:{DETECTORS.max()}",
        f"{DETECTORS.min()},{DETECTORS.min() + 1}:{DETECTORS.max()}",
        ",".join(ARC.bank_names),
    ],
)
def test_a_mask_of_all_detectors_is_refused_and_says_which_there_are(mask: str) -> None:
    words = f"no detector is left of the {DETECTORS.size} detectors of {ARC.name}, "
    with pytest.raises(Refused, match=words):
        detector_groups(DetectorSettings(mask=mask), ARC)


def test_a_mask_that_leaves_one_detector_is_taken() -> None:
    mask = f"{DETECTORS.min()}:{DETECTORS.max() - 1}"
    group = detector_groups(DetectorSettings(mask=mask), ARC)
    assert (group != MASKED).sum() == 1 + ARC.is_monitor.sum()


def test_groups_of_masked_detectors_alone_do_not_fit_until_one_of_both_is_put() -> None:
    with pytest.raises(Misfit, match="no detector is left"):
        detector_groups(DetectorSettings(mask="0:499", groups="0:9;20:29"), ARC)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DetectorSettings(mask="none"), "an empty text masks none"),
        (DetectorSettings(mask='""'), "an empty text masks none"),
        (DetectorSettings(groups="all"), "an empty text makes one group of all detectors"),
        (DetectorSettings(groups="None"), "an empty text makes one group of all detectors"),
    ],
)
def test_a_word_for_no_list_is_refused_with_what_to_put_instead(
    settings: DetectorSettings, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        detector_groups(settings, ARC)
