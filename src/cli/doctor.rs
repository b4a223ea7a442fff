//! `assay doctor`: looks at everything that Assay needs, and says what to fix.

use std::fmt::Write as _;

use clap::Args;

use super::table::Format;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::doctor::{Diagnosis, State, examine};

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Read every data file of the newest snapshots and compare its checksum.
    #[arg(long)]
    deep: bool,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub async fn run(config: &Config, args: DoctorArgs) -> Result<()> {
    let diagnosis = examine(config, args.deep).await;
    args.format.print(&diagnosis, describe)?;
    match diagnosis.findings.iter().filter(|finding| finding.state == State::Failed).count() {
        0 => Ok(()),
        1 => Err(Error::invalid("one thing must be fixed, see above")),
        several => Err(Error::invalid(format!("{several} things must be fixed, see above"))),
    }
}

fn describe(diagnosis: &Diagnosis) -> String {
    let mut text = format!("assay {}\n", diagnosis.version);
    for finding in &diagnosis.findings {
        let _ = writeln!(text, "{:<8} {:<17} {}", finding.state.as_str(), finding.part, finding.detail);
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(text, "{:26} → {remedy}", "");
        }
    }
    text
}
