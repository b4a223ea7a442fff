//! Ratings, numbers and sets of labels, from an upload to their figures and disagreements.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::reports::Working;
use crate::support::{choice, task};

const CONFIG: &str = r#"<View><Text name="text" value="$text"/>
    <Choices name="severity" toName="text"><Choice value="none"/><Choice value="low"/><Choice value="mid"/><Choice value="high"/></Choices>
    <Choices name="topics" toName="text" choice="multiple"><Choice value="bug"/><Choice value="billing"/></Choices>
    <Rating name="stars" toName="text" maxRating="5"/><Number name="total" toName="text"/>
    <View visibleWhen="choice-selected" whenTagName="severity"><Choices name="why" toName="text" choice="multiple"><Choice value="bug"/></Choices></View></View>"#;

/// What one annotator said of one item; nothing where there is no answer.
#[derive(Default)]
struct Said {
    severity: Option<&'static str>,
    topics: Option<&'static [&'static str]>,
    why: Option<&'static [&'static str]>,
    stars: Option<u32>,
    total: Option<f64>,
}

fn annotation(id: u64, annotator: u64, said: &Said) -> Value {
    let result = |control: &str, kind: &str, value: Value| json!({ "id": format!("{control}{id}"), "from_name": control, "to_name": "text", "type": kind, "origin": "manual", "value": value });
    let results = [
        said.severity.map(|label| result("severity", "choices", json!({ "choices": [label] }))),
        said.topics.map(|labels| result("topics", "choices", json!({ "choices": labels }))),
        said.why.map(|labels| result("why", "choices", json!({ "choices": labels }))),
        said.stars.map(|stars| result("stars", "rating", json!({ "rating": stars }))),
        said.total.map(|total| result("total", "number", json!({ "number": total }))),
    ];
    let mut annotation = choice(id, annotator, "", 0);
    annotation["result"] = results.into_iter().flatten().collect();
    annotation
}

/// Items by two annotators each.
fn export(items: Vec<[Said; 2]>) -> String {
    let tasks = (1..)
        .zip(items)
        .map(|(n, [one, two])| task(n, vec![annotation(n * 10, 1, &one), annotation(n * 10 + 1, 2, &two)]));
    Value::Array(tasks.collect()).to_string()
}

fn items() -> Vec<[Said; 2]> {
    let said = |severity, topics, stars, total| Said {
        severity: Some(severity),
        topics: Some(topics),
        stars: Some(stars),
        total: Some(total),
        why: None,
    };
    vec![
        [
            Said { why: Some(&["bug"]), ..said("none", &["bug"], 1, 10.0) },
            Said { why: Some(&["bug"]), ..said("none", &["bug"], 1, 10.0) },
        ],
        [
            Said { why: Some(&["bug"]), ..said("low", &["bug", "billing"], 5, 30.0) },
            said("high", &["billing", "bug"], 4, 20.5),
        ],
        [said("high", &["billing"], 5, 10.0), said("high", &["bug", "billing"], 1, 10.0)],
        // One chose no topic, the other says so in so many words; both are the empty set.
        [Said { severity: Some("low"), stars: Some(3), ..Said::default() }, said("low", &[], 3, 12.0)],
        [Said::default(), said("none", &["bug"], 2, 11.0)],
    ]
}

fn control<'a>(report: &'a Value, name: &str) -> &'a Value {
    let controls = report["data"]["controls"].as_array().unwrap();
    controls.iter().find(|control| control["control"] == name).unwrap_or_else(|| panic!("no {name} in {controls:?}"))
}

fn overall<'a>(report: &'a Value, control: &str, measure: &str) -> &'a Value {
    let is = |m: &&Value| m["measure"] == measure && m["scope"]["by"] == "overall" && m["scope"]["control"] == control;
    report["measures"].as_array().unwrap().iter().find(is).unwrap_or_else(|| panic!("{control} has no {measure}"))
}

#[track_caller]
fn near(figure: &Value, expected: f64) {
    let value = figure["value"].as_f64().unwrap_or_else(|| panic!("{figure}"));
    assert!((value - expected).abs() < 1e-12, "{value} is not {expected}: {figure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_answer_has_the_figures_of_its_level() {
    let working = Working::new().await;
    assert_eq!(working.import_with(CONFIG, export(items())).await["state"], "done");
    let report = working.get("agreement").await.expect(StatusCode::OK);
    for (name, answers, level) in [
        ("severity", "label", "nominal"),
        ("topics", "set", "nominal"),
        ("stars", "number", "ordinal"),
        ("total", "number", "interval"),
    ] {
        let control = control(&report, name);
        assert_eq!((&control["answers"], &control["level"]), (&json!(answers), &json!(level)), "{control}");
    }
    assert_eq!(control(&report, "topics")["empty_sets"], 3);
    assert_eq!(control(&report, "stars")["dropped"][0]["annotations"], 1, "nothing said is no rating");
    assert_eq!(overall(&report, "topics", "krippendorff_alpha_masi")["n_items"], 5, "nothing chosen is an answer");
    assert_eq!(overall(&report, "topics", "krippendorff_alpha_masi")["options"]["nothing_chosen"], "empty_set");
    // Four pairs of stars: (1, 1), (5, 4), (5, 1), (3, 3); ordinal weights on a scale of five: 1 − C(d + 1, 2) / C(5, 2).
    near(overall(&report, "stars", "percent_agreement"), (1.0 + 0.9 + 0.0 + 1.0) / 4.0);
    // Three pairs of totals; quadratic weights: 1 − d² / R².
    near(overall(&report, "total", "percent_agreement"), (1.0 + (1.0 - 9.5 * 9.5 / 400.0) + 1.0) / 3.0);
    let why = overall(&report, "why", "krippendorff_alpha_masi");
    assert_eq!(
        (&why["n_items"], &why["options"]["nothing_chosen"]),
        (&json!(1), &json!("left_out")),
        "a hidden question"
    );
    let marked = report["measures"].as_array().unwrap().iter().filter(|measure| !measure["ci_low"].is_null());
    assert!(marked.clone().count() > 0 && marked.clone().all(|measure| measure["caution"].is_string()), "{report}");
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_holds_where_it_fits() {
    let working = Working::new().await;
    assert_eq!(working.import_with(CONFIG, export(items())).await["state"], "done");
    let report = working.get("agreement?level=ordinal").await.expect(StatusCode::OK);
    let labels: Vec<&Value> =
        control(&report, "severity")["labels"].as_array().unwrap().iter().map(|l| &l["label"]).collect();
    assert_eq!(labels, ["none", "low", "high"], "in the order of the config");
    // Four pairs of severities: equal but for (low, high), two places apart on a scale of four: 1 − C(3, 2) / C(4, 2).
    near(overall(&report, "severity", "percent_agreement"), (3.0 + 0.5) / 4.0);
    let topics = control(&report, "topics");
    assert_eq!(topics["reported"], false);
    assert!(topics["why_not"].as_str().unwrap().contains("sets of labels"), "{topics}");
    let detail = working.get("agreement?level=interval&control=severity").await.refused(400, "invalid_request");
    assert!(detail.contains("level interval does not fit the answers to \"severity\""), "{detail}");
    let detail = working.get("annotators/agreement?level=ratio&control=topics").await.refused(400, "invalid_request");
    assert!(detail.contains("leave the level out"), "{detail}");
    working.get("agreement?level=cardinal").await.refused(400, "invalid_query");
    let nominal = working.get("agreement?level=nominal&control=stars").await.expect(StatusCode::OK);
    near(overall(&nominal, "stars", "percent_agreement"), 0.5);
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disagreements_are_scored_by_distance_and_found_by_label() {
    let working = Working::new().await;
    assert_eq!(working.import_with(CONFIG, export(items())).await["state"], "done");
    let list = async |query: &str| -> Vec<(String, f64)> {
        let page = working.get(&format!("disagreements?{query}")).await.expect(StatusCode::OK);
        let row = |row: &Value| (row["item_id"].as_str().unwrap().to_owned(), row["score"].as_f64().unwrap());
        page["items"].as_array().unwrap().iter().map(row).collect()
    };
    let rows = |rows: &[(u32, f64)]| -> Vec<(String, f64)> {
        rows.iter().map(|(item, score)| (format!("reviews/task/{item}"), *score)).collect()
    };
    assert_eq!(list("control=stars").await, rows(&[(3, 1.0), (2, 0.25)]));
    assert_eq!(list("control=total").await, rows(&[(2, 9.5 / 20.0)]));
    assert_eq!(
        list("control=topics").await,
        rows(&[(5, 1.0), (3, 2.0 / 3.0)]),
        "the order of labels in a set does not matter"
    );
    assert_eq!(list("control=topics&label=billing").await, rows(&[(3, 2.0 / 3.0)]));
    assert_eq!(list("control=topics&label=bug&min_score=0.9").await, rows(&[(5, 1.0)]));
    assert_eq!(list("control=stars&label=4").await, rows(&[(2, 0.25)]));
    let page = working.get("disagreements?control=topics").await.expect(StatusCode::OK);
    let votes = &page["items"][1]["votes"];
    assert_eq!((&votes[1]["label"], &votes[1]["labels"]), (&json!("billing, bug"), &json!(["billing", "bug"])));
    assert_eq!(
        (&page["items"][0]["votes"][0]["label"], &page["items"][0]["votes"][0]["labels"]),
        (&json!(""), &Value::Null)
    );
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_each_kind_of_answer() {
    let working = Working::new().await;
    assert_eq!(working.import_with(CONFIG, export(items())).await["state"], "done");
    for (path, parts) in [
        (
            "?control=topics",
            &["Alpha of sets (MASI)", "3 answers are the empty set", "⚠ few items", "set of labels"][..],
        ),
        (
            "/agreement?control=topics",
            &["Alpha of sets (Jaccard)", "not made for sets of labels yet", "what intervals cover"],
        ),
        ("/agreement?control=stars", &["ordinal scale", "In the order of the scale", "Kendall’s W"]),
        ("/agreement?control=total", &["Answers are numbers", "ICC, agreement", "⚠ few shared items"]),
        ("/disagreements?control=topics", &["chip plain\">none", ">billing</span>", "reviews/task/5"]),
    ] {
        let page = working.page(path).await;
        for part in parts {
            assert!(page.contains(part), "{path} lacks {part:?}: {page}");
        }
        assert!(!page.contains("NaN") && !page.contains('\u{1f}'), "{path}");
    }
    working.end().await;
}
