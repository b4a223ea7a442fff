"""What Assay does not compute, by measure: the first pattern that fits gives the reason. Nothing is listed by data set."""

import re

# Files other than this one are about models.
AGREEMENT = "agreement.jsonl"

REASONS = {
    r"agg_.*|dawid_skene.*|one_coin.*|crowdtruth.*|accuracy_.*": "not in Assay yet: consensus",
    r"bradley_terry.*": "not in Assay yet: rankings from comparisons",
    r"annotator_accuracy_vs_gold": "not in Assay yet: accuracy of annotators against gold labels",
    r"alt_test": "not in Assay yet: alternative annotator test",
    r"gamma|span_.*|.*_char_binary": "not in Assay yet: agreement on spans",
    r"bbox_.*|.*iou.*": "not in Assay yet: agreement on boxes",
    r".*_z": "not in Assay: no test that agreement is 0, which says nothing about how good it is",
}


def reason(record):
    """Why a record is not compared, or None."""
    if record.file != AGREEMENT:
        return "not in Assay yet: evaluation of models and drift"
    return next((why for pattern, why in REASONS.items() if re.fullmatch(pattern, record.metric)), None)
