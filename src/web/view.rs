//! What a page of figures shows: one control of a report, in a slice; and the parts of a page that change it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::guide;
use super::layout::pinned;
use super::links::{self, Links};
use super::text;
use crate::reports::Period;
use crate::reports::measure::Measure;
use crate::reports::views::{AgreementReport, AnswerKind, ControlData, DisagreementFilter};

/// Pages that show figures of a control.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Place {
    #[default]
    Overview,
    Agreement,
}

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    pub place: Place,
    pub control: Option<String>,
    pub slice: BTreeMap<String, String>,
    /// The figure of the heat map of annotators: Cohen's kappa unless `percent_agreement` is named.
    pub pairs: Option<String>,
    /// The period of figures over time; the report chooses one otherwise.
    pub period: Option<Period>,
    /// The slice field by whose values there are figures.
    pub by_slice: Option<String>,
}

impl Query {
    /// The same control and slice on another page.
    pub fn at(&self, place: Place) -> Self {
        Self { place, ..self.clone() }
    }

    /// The query without the slice on this field.
    fn without(&self, field: &str) -> Self {
        let mut rest = self.clone();
        rest.slice.remove(field);
        rest
    }

    /// Everything but page and slice as pairs.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        pairs.extend(self.control.clone().map(|control| ("control", control)));
        pairs.extend(self.pairs.clone().map(|measure| ("pairs", measure)));
        if self.place == Place::Agreement {
            pairs.extend(self.period.map(|period| ("period", period.name().to_owned())));
            pairs.extend(self.by_slice.clone().map(|field| ("by_slice", field)));
        }
        pairs
    }
}

/// The address of a page, without what is asked of it.
fn path(links: Links<'_>, project: &str, place: Place) -> String {
    match place {
        Place::Overview => links.overview(project),
        Place::Agreement => links.agreement(project),
    }
}

/// The address of the page that a query asks for.
pub fn address(links: Links<'_>, project: &str, query: &Query) -> String {
    let mut pairs = query.pairs();
    pairs.extend(query.slice.iter().map(|(key, value)| ("slice", format!("{key}={value}"))));
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
    links::with_query(&path(links, project, query.place), pairs)
}

/// What figures and charts are drawn from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub links: Links<'a>,
    pub project: &'a str,
    pub report: &'a AgreementReport,
    pub control: &'a ControlData,
    pub query: &'a Query,
}

impl<'a> View<'a> {
    pub fn measures(&self, by: &'a str) -> impl Iterator<Item = &'a Measure> {
        let control = self.control.control.as_str();
        self.report.measures.iter().filter(move |m| m.scope.by == by && m.scope.control == control)
    }

    pub fn name(&self, rater: &'a str) -> &'a str {
        let raters = &self.report.data.raters;
        raters.iter().find(|named| named.rater_id == rater).map_or(rater, |named| &named.name)
    }

    /// The disagreements of this control and slice, narrowed further.
    pub fn drill(&self, narrow: impl FnOnce(&mut DisagreementFilter)) -> String {
        let mut filter = DisagreementFilter {
            control: Some(self.control.control.clone()),
            slice: self.query.slice.clone(),
            ..DisagreementFilter::default()
        };
        narrow(&mut filter);
        links::filtered(&self.links.disagreements(self.project), &filter, None)
    }
}

/// The control that the address names, or the first one with figures.
pub fn chosen<'a>(report: &'a AgreementReport, query: &Query) -> Option<&'a ControlData> {
    let mut reported = report.data.controls.iter().filter(|control| control.reported);
    match &query.control {
        Some(name) => reported.find(|control| control.control == *name),
        None => reported.next(),
    }
}

/// The alpha to quote first: of sets of labels the one that knows sets in part alike.
pub fn headline_alpha(control: &ControlData) -> &'static str {
    match control.answers {
        Some(AnswerKind::Set) => "krippendorff_alpha_masi",
        _ => "krippendorff_alpha",
    }
}

/// An overall figure of a control.
pub fn overall<'a>(report: &'a AgreementReport, control: &str, name: &str) -> Option<&'a Measure> {
    report.measures.iter().find(|m| m.scope.by == "overall" && m.scope.control == control && m.measure == name)
}

/// The controls to choose from, and the slice.
pub fn choose(
    links: Links<'_>,
    project: &str,
    report: &AgreementReport,
    control: Option<&ControlData>,
    query: &Query,
) -> Markup {
    let with_control = |name: &str| Query { control: Some(name.to_owned()), ..query.clone() };
    html! {
        div.choose {
            nav.pills aria-label="Control" {
                @for data in report.data.controls.iter().filter(|data| data.reported) {
                    a href=(address(links, project, &with_control(&data.control)))
                        aria-current=[control.filter(|chosen| chosen.control == data.control).map(|_| "true")] {
                        (data.control)
                        @if let Some(alpha) = overall(report, &data.control, headline_alpha(data)).and_then(|alpha| alpha.value) {
                            " " span.quiet title=(guide::title(headline_alpha(data))) { "α " (text::value("krippendorff_alpha", alpha)) }
                        }
                    }
                }
            }
            (slice_form(links, project, query))
        }
    }
}

fn slice_form(links: Links<'_>, project: &str, query: &Query) -> Markup {
    html! {
        form.slice method="get" action=(path(links, project, query.place)) aria-label="Slice of the items" data-tidy="" {
            (hidden(links, query, &[]))
            @for (key, value) in &query.slice {
                @let shown = format!("{key} = {value}");
                a.chip.remove href=(address(links, project, &query.without(key))) aria-label={ "Remove slice " (shown) } { (shown) }
            }
            input type="text" name="slice_key" aria-label="Slice: field" placeholder="field" size="9" autocomplete="off";
            span aria-hidden="true" { "=" }
            input type="text" name="slice_value" aria-label="Slice: value" placeholder="value" size="9" autocomplete="off";
            button type="submit" { "Slice" }
        }
    }
}

/// What a form sends along besides the fields `but` that it asks for itself.
pub fn hidden(links: Links<'_>, query: &Query, but: &[&str]) -> Markup {
    html! {
        (pinned(links))
        @for (name, value) in query.pairs().iter().filter(|(name, _)| !but.contains(name)) {
            input type="hidden" name=(name) value=(value);
        }
        @for (key, value) in &query.slice { input type="hidden" name="slice" value={ (key) "=" (value) }; }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_what_its_page_knows() {
        let query = Query {
            control: Some("a b".into()),
            slice: [("language".to_owned(), "de".to_owned())].into(),
            period: Some(Period::Week),
            by_slice: Some("source".into()),
            ..Query::default()
        };
        let links = Links::of("default");
        assert_eq!(
            address(links, "p", &query.at(Place::Agreement)),
            "/w/default/projects/p/agreement?control=a+b&period=week&by_slice=source&slice=language%3Dde"
        );
        assert_eq!(
            address(links.at(3), "p", &query),
            "/w/default/projects/p?snapshot=3&control=a+b&slice=language%3Dde"
        );
    }
}
