//! Label Studio's labelling config (XML): which controls there are and what they allow.

use std::fmt;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// What is wrong with a config, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// 1-based.
    pub line: usize,
    pub column: usize,
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, problem } = self;
        write!(
            f,
            "line {line}, column {column}: {problem}; copy the config from the project's settings (Labeling Interface, Code)"
        )
    }
}

impl std::error::Error for ConfigError {}

/// The controls of a project, in the order of the config.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelConfig {
    pub controls: Vec<Control>,
}

/// A tag that produces results: one with both a name and a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    /// `from_name` of its results.
    pub name: String,
    /// `Choices`, `RectangleLabels` …
    pub tag: String,
    /// `to_name` of its results; several are separated by commas.
    pub target: String,
    /// The values that results hold: the alias where there is one.
    pub labels: Vec<Label>,
    /// `choice` of Choices: `single`, `single-radio` or `multiple`.
    pub choice: Option<String>,
    pub per_region: bool,
    pub required: bool,
    /// It is shown only when another control has some answer (`visibleWhen`, on it or on a tag around it).
    pub conditional: bool,
    /// `maxRating` of Rating: its grades are 1 to this.
    pub max_rating: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    pub value: String,
    pub alias: Option<String>,
}

impl Label {
    /// What results hold.
    pub fn name(&self) -> &str {
        self.alias.as_ref().unwrap_or(&self.value)
    }
}

impl LabelConfig {
    pub fn control(&self, name: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.name == name)
    }

    /// Whether an annotator may choose several labels in a Choices control; none for other controls.
    pub fn allows_several(&self, name: &str) -> Option<bool> {
        let control = self.control(name).filter(|control| control.tag == "Choices")?;
        Some(control.choice.as_deref() == Some("multiple"))
    }
}

/// Reads a config.
///
/// # Errors
/// What is not well-formed XML, a control name that occurs twice, or a config without any control.
pub fn parse(xml: &str) -> Result<LabelConfig, ConfigError> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut config = LabelConfig::default();
    let mut open: Vec<Around> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|e| at(xml, reader.error_position(), e.to_string()))?;
        let position = reader.buffer_position();
        match event {
            Event::Start(tag) => {
                let around = open.last().copied().unwrap_or_default();
                open.push(enter(&mut config, &tag, around).map_err(|e| at(xml, position, e))?);
            }
            Event::Empty(tag) => {
                let around = open.last().copied().unwrap_or_default();
                enter(&mut config, &tag, around).map_err(|e| at(xml, position, e))?;
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Eof if !open.is_empty() => {
                return Err(at(xml, position, "the config ends before its last tag is closed".to_owned()));
            }
            Event::Eof if config.controls.is_empty() => {
                return Err(at(xml, position, "the config has no control (a tag with name and toName)".to_owned()));
            }
            Event::Eof => return Ok(config),
            _ => {}
        }
    }
}

/// What the open tags say about the tags in them.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    /// The index of the control that they belong to.
    control: Option<usize>,
    conditional: bool,
}

/// Grades of a Rating that does not say how many it has.
const USUAL_GRADES: u32 = 5;

/// Notes a tag; returns what holds for its children.
fn enter(config: &mut LabelConfig, tag: &BytesStart<'_>, around: Around) -> Result<Around, String> {
    let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = attribute.unescape_value().map_err(|e| e.to_string())?.into_owned();
        attributes.push((String::from_utf8_lossy(attribute.key.as_ref()).into_owned(), value));
    }
    let get = |key: &str| attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    let is_true = |key: &str| get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let conditional = around.conditional || get("visibleWhen").is_some();
    if let (Some(control), Some(target)) = (get("name"), get("toName")) {
        if config.control(&control).is_some() {
            return Err(format!("two controls have the name {control:?}"));
        }
        // What is no number is as good as nothing: Label Studio shows the usual grades then.
        let grades = || get("maxRating").and_then(|text| text.trim().parse().ok()).unwrap_or(USUAL_GRADES);
        config.controls.push(Control {
            max_rating: (name == "Rating").then(grades),
            name: control,
            tag: name,
            target,
            labels: Vec::new(),
            choice: get("choice"),
            per_region: is_true("perRegion"),
            required: is_true("required"),
            conditional,
        });
        return Ok(Around { control: Some(config.controls.len() - 1), conditional });
    }
    if let (Some(parent), Some(value), "Choice" | "Label") = (around.control, get("value"), name.as_str()) {
        config.controls[parent].labels.push(Label { value, alias: get("alias") });
    }
    Ok(Around { conditional, ..around })
}

fn at(xml: &str, position: u64, problem: String) -> ConfigError {
    let end = usize::try_from(position).unwrap_or(xml.len()).min(xml.len());
    let before = xml.as_bytes().get(..end).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    ConfigError { line, column, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_controls_labels_and_modes() {
        let config = parse(
            r#"<View><Text name="text" value="$text"/><Header value="a &amp; b"/>
               <Choices name="mood" toName="text" choice="single-radio" required="true"><Choice value="Good" alias="g"/><Choice value="Bad"/></Choices>
               <Choices name="topics" toName="text" choice="multiple"><View><Choice value="A, B"/></View></Choices>
               <Rating name="stars" toName="text" perRegion="true"/></View>"#,
        )
        .unwrap();
        let names: Vec<&str> = config.controls.iter().map(|control| control.name.as_str()).collect();
        assert_eq!(names, ["mood", "topics", "stars"]);
        assert_eq!(config.controls[0].labels[0], Label { value: "Good".into(), alias: Some("g".into()) });
        assert_eq!(config.controls[1].labels[0].value, "A, B");
        assert!(config.controls[0].required && config.controls[2].per_region);
        assert_eq!(config.controls[0].labels[0].name(), "g");
        assert_eq!((config.controls[2].max_rating, config.controls[0].max_rating), (Some(5), None));
        let several = |name: &str| config.allows_several(name);
        assert_eq!(
            (several("mood"), several("topics"), several("stars"), several("none")),
            (Some(false), Some(true), None, None)
        );
    }

    #[test]
    fn a_control_in_a_tag_with_a_condition_has_it_too() {
        let config = parse(
            r#"<View><Choices name="a" toName="t"/>
               <View visibleWhen="choice-selected" whenTagName="a"><View><Rating name="b" toName="t" maxRating="7"/></View></View>
               <Number name="c" toName="t" visibleWhen="choice-selected"/><Number name="d" toName="t"/></View>"#,
        )
        .unwrap();
        let conditional: Vec<bool> = config.controls.iter().map(|control| control.conditional).collect();
        assert_eq!((conditional, config.controls[1].max_rating), (vec![false, true, true, false], Some(7)));
    }

    #[test]
    fn says_where_a_config_is_broken() {
        for (xml, line, part) in [
            ("<View>\n<Choices name=\"a\" toName=\"t\">\n</View>", 3, "Choices"),
            ("<View>\n<A name=\"a\" toName=\"t\"/>\n<B name=\"a\" toName=\"t\"/></View>", 3, "two controls"),
            ("<View></View>", 1, "no control"),
            ("<View><A name=\"a\" toName=\"t\"/>", 1, "closed"),
            ("not xml", 1, "no control"),
        ] {
            let error = parse(xml).unwrap_err();
            assert!(error.line == line && error.to_string().contains(part), "{xml}: {error}");
        }
    }
}
