//! `assay config`: the settings as they are, and where each comes from. Secrets are not shown.

use std::fmt::Write as _;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};
use serde::Serialize;

use super::serve::ServeArgs;
use super::table::Format;
use crate::config::{Config, redacted};
use crate::error::Result;

#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(flatten)]
    serve: ServeArgs,
}

/// One setting.
#[derive(Debug, Serialize)]
struct Setting {
    flag: String,
    variable: String,
    /// None where there is neither a value nor a default.
    value: Option<String>,
    /// `flag`, `environment` or `default`.
    from: &'static str,
}

/// `command` and `matches` are those of the whole command line.
pub fn run(config: &Config, args: &ConfigArgs, command: &Command, matches: &ArgMatches) -> Result<()> {
    let mut settings = Vec::new();
    if let Some((name, own)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        settings.extend(command.get_arguments().filter_map(|arg| setting(arg, own)));
    }
    settings.extend(command.get_arguments().filter_map(|arg| setting(arg, matches)));
    fill_defaults(config, &mut settings)?;
    settings.sort_by(|a, b| a.flag.cmp(&b.flag));
    settings.dedup_by(|a, b| a.flag == b.flag);
    args.format.print(&settings, |settings| describe(settings))
}

fn setting(arg: &clap::Arg, matches: &ArgMatches) -> Option<Setting> {
    let (flag, variable) = (arg.get_long()?, arg.get_env()?.to_string_lossy().into_owned());
    let id = arg.get_id().as_str();
    let from = match matches.value_source(id) {
        Some(ValueSource::CommandLine) => "flag",
        Some(ValueSource::EnvVariable) => "environment",
        _ => "default",
    };
    let values: Option<Vec<String>> =
        matches.get_raw(id).map(|values| values.map(|value| redacted(&value.to_string_lossy())).collect());
    Some(Setting { flag: format!("--{flag}"), variable, value: values.map(|values| values.join(",")), from })
}

/// What follows from other settings.
fn fill_defaults(config: &Config, settings: &mut [Setting]) -> Result<()> {
    let location = config.location()?;
    for setting in settings.iter_mut().filter(|setting| setting.value.is_none()) {
        setting.value = match setting.flag.as_str() {
            "--data" => Some(location.to_string()),
            "--db" => config.database_url(&location).ok().map(|url| redacted(&url)),
            "--temp" => Some(config.temp_folder(&location).display().to_string()),
            _ => None,
        };
    }
    Ok(())
}

fn describe(settings: &[Setting]) -> String {
    let width = |of: fn(&Setting) -> usize| settings.iter().map(of).max().unwrap_or(0);
    let (flags, variables) = (width(|setting| setting.flag.len()), width(|setting| setting.variable.len()));
    settings.iter().fold(String::new(), |mut text, setting| {
        let Setting { flag, variable, value, from } = setting;
        let value = value.as_deref().unwrap_or("(none)");
        let _ = writeln!(text, "{flag:<flags$}  {variable:<variables$}  {from:<11}  {value}");
        text
    })
}
