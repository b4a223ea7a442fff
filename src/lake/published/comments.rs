//! What each published column means, for catalogs and CREATE statements.

/// A table in a sentence.
pub fn table_comment(table: &str) -> &'static str {
    match table {
        "items" => "What is labelled, one row each",
        "annotations" => "One rater's complete answer for one item: submitted annotations, drafts and predictions",
        "results" => {
            "One row per result and label of an annotation; a region with two labels is two rows with one result_index"
        }
        "raters" => "Annotators and models",
        "rejects" => "Records of the imported files that could not be used, whole",
        "measures" => "Figures of the agreement report, one row each, with interval, n and method",
        "disagreements" => "Items and controls on which annotators differ",
        _ => "",
    }
}

/// A column in a sentence; none for a column that is not known.
pub fn comment(table: &str, column: &str) -> Option<&'static str> {
    let of = |own: &[(&str, &'static str)]| own.iter().find(|(name, _)| *name == column).map(|(_, text)| *text);
    let own = match table {
        "items" => of(ITEMS),
        "annotations" => of(ANNOTATIONS),
        "results" => of(RESULTS),
        "raters" => of(RATERS),
        "rejects" => of(REJECTS),
        "measures" => of(MEASURES),
        "disagreements" => of(DISAGREEMENTS),
        _ => None,
    };
    own.or_else(|| of(SHARED))
}

const SHARED: &[(&str, &str)] = &[
    ("item_id", "Id of the item: source/task/native id"),
    ("annotation_id", "Id of the annotation: source/annotation/native id, or source/prediction/native id"),
    ("rater_id", "Id of the annotator or model"),
    ("rater_kind", "human or model"),
    ("source", "Name of the system that the ids come from"),
    ("native_id", "Id in the labelling tool"),
    ("created_at", "When it was made, UTC"),
    ("updated_at", "When it was last changed, UTC"),
    ("content_hash", "Hash of the content: two rows of one id that say the same have the same hash"),
    ("raw", "JSON of every field that has no column"),
    ("control", "The tag that a result came from (from_name)"),
];

const ITEMS: &[(&str, &str)] = &[
    ("data", "The item's data as JSON"),
    ("meta", "The item's meta as JSON"),
    ("slices", "Scalar fields of the data that people filter by"),
    ("vectors", "Named vectors, such as embeddings"),
];

const ANNOTATIONS: &[(&str, &str)] = &[
    ("kind", "annotation or prediction"),
    ("model_version", "Version of the model that made a prediction"),
    ("score", "The model's score of its prediction"),
    ("lead_time_s", "Seconds spent on it"),
    ("cancelled", "Skipped by the annotator"),
    ("ground_truth", "Marked as ground truth"),
    ("draft", "Not submitted"),
    ("from_prediction_id", "Native id of the prediction that it started from"),
    ("result_count", "Number of its results; 0 is an empty answer"),
];

const RESULTS: &[(&str, &str)] = &[
    ("target", "The tag that was labelled (to_name)"),
    ("type", "Type of the control: choices, rectanglelabels, rating and so on"),
    ("result_index", "Position in the annotation, from 0"),
    ("region_id", "Id of the region, shared by the results that describe it"),
    ("parent_region_id", "Id of the region that this one lies in"),
    ("label", "The label or choice; a taxonomy's path is joined by ' > '"),
    ("label_index", "Position of the label in the result, from 0"),
    ("number", "Number or rating"),
    ("text", "Text or transcription"),
    ("start", "Begin of a span, in unit"),
    ("end", "End of a span, in unit"),
    ("unit", "Unit of start and end: code points, seconds, frames or microseconds"),
    ("start_text", "Begin of a span as written, such as an XPath"),
    ("end_text", "End of a span as written, such as an XPath"),
    (
        "bbox",
        "Box: x, y, width and height in percent of the image; rotation in degrees, clockwise about the top-left corner",
    ),
    ("points", "Points of a polygon or key point, in percent of the image"),
    ("rle", "Brush mask, run-length encoded as Label Studio does"),
    ("frames", "Key frames of a video region"),
    ("rank", "Rank given by a ranker"),
    ("score", "Score of the result, from a model"),
    ("probabilities", "Probability of each label, from a model"),
    ("direction", "Direction of a relation: right, left or bi"),
    ("original_width", "Width of the image in pixels"),
    ("original_height", "Height of the image in pixels"),
];

const RATERS: &[(&str, &str)] = &[
    ("kind", "human or model"),
    ("name", "Name, where the export has it"),
    ("email", "E-mail address, where the export has it"),
    ("deleted", "A deleted user: one rater for each of their annotations"),
    ("aliases", "Other ids under which exports name the same person"),
];

const REJECTS: &[(&str, &str)] = &[
    ("file", "Name of the imported file"),
    ("position", "Where in the file the record stands"),
    ("reason", "Why it could not be used"),
    ("raw", "The record as it stands in the file"),
];

const MEASURES: &[(&str, &str)] = &[
    ("report_id", "Names the report: snapshot, parameters and rules of the figures"),
    ("measure", "Name of the figure"),
    ("options", "Options of the figure as JSON"),
    ("by", "What the figure is about: overall, label, pair, annotator, without_annotator or period"),
    ("label", "The label, where by is label"),
    ("annotator", "The annotator, where by is pair, annotator or without_annotator"),
    ("other", "The other annotator, where by is pair"),
    ("column", "What splits the items, where by is period: updated_at:month"),
    ("column_value", "The period: 2026-01-05, 2026-W02 or 2026-01"),
    ("value", "The figure; null where it is undefined"),
    ("ci_low", "Lower end of the 95 % interval"),
    ("ci_high", "Upper end of the 95 % interval"),
    ("n_items", "Items that went into it"),
    ("n_ratings", "Answers that went into it"),
    ("n_raters", "Annotators that went into it"),
    ("method", "How figure and interval were computed"),
    ("undefined_reason", "Why there is no value"),
    ("detail", "Numbers behind the figure, JSON"),
];

const DISAGREEMENTS: &[(&str, &str)] = &[
    ("score", "How far the annotators differ, above 0 and up to 1"),
    ("n_ratings", "Number of answers"),
    ("annotators", "Annotators, in the order of labels and annotation_ids"),
    ("labels", "The label that each annotator gave"),
    ("annotation_ids", "The annotation of each annotator"),
    ("updated_at", "Newest change of the annotations concerned, UTC"),
];
