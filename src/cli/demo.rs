//! `assay demo`: the demo exports become projects, served on a free port.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use clap::Args;

use super::import::{describe, import_with_progress};
use super::serve::{Service, bind, serve};
use crate::api::{RateLimits, Settings};
use crate::app::App;
use crate::auth::Transport;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::import::{ImportRequest, Input, Mode};
use crate::lake::BYTES_PER_BUCKET;
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    #[command(flatten)]
    log: crate::telemetry::LogArgs,
}

/// An export that ships with Assay (`fixtures/demo/make.py` says how it was made).
struct DemoProject {
    name: &'static str,
    file: &'static str,
    export: &'static str,
    config: &'static str,
}

macro_rules! demo_project {
    ($name:literal) => {
        DemoProject {
            name: $name,
            file: concat!($name, ".json"),
            export: include_str!(concat!("../../fixtures/demo/", $name, ".json")),
            config: include_str!(concat!("../../fixtures/demo/", $name, ".xml")),
        }
    };
}

const PROJECTS: &[DemoProject] = &[
    demo_project!("review-sentiment"),
    demo_project!("response-review"),
    demo_project!("answer-quality"),
    demo_project!("answer-preference"),
    demo_project!("news-entities"),
    demo_project!("parking-lot"),
];

/// Uploads through the demo's API are for trying things out.
const MAX_UPLOAD: u64 = 1 << 30;

pub async fn run(config: &Config, args: DemoArgs) -> Result<()> {
    let started = Instant::now();
    crate::telemetry::start(&args.log);
    // Without --data the demo leaves nothing behind.
    let scratch = tempfile::Builder::new()
        .prefix("assay-demo-")
        .tempdir()
        .map_err(|e| Error::unavailable(format!("cannot make a temporary folder: {e}; name one with --data"), e))?;
    let config = match &config.data {
        Some(_) => config.clone(),
        None => Config { db: None, temp: None, ..Config::for_folder(&scratch.path().join("data")) },
    };
    let app = App::open(&config).await?;
    for project in PROJECTS {
        let request = request(project, scratch.path())?;
        let summary = import_with_progress(&app, request).await?;
        super::print(&describe(&summary))?;
    }
    let listener = bind(&app, args.listen).await?;
    let address = listener.local_addr().map_err(Error::internal)?;
    super::print(&format!(
        "\nReady after {:.1} s. Dashboard: http://{address}/   API: http://{address}/docs/   Stop with Ctrl-C.\n",
        started.elapsed().as_secs_f64()
    ))?;
    let settings = Settings { max_upload: MAX_UPLOAD, rates: RateLimits::NONE, cors_origins: Vec::new() };
    serve(app, listener, Service { settings, workers: 1, publish: None, transport: Transport::default() }).await
}

fn request(project: &DemoProject, scratch: &Path) -> Result<ImportRequest> {
    let path = scratch.join(project.file);
    std::fs::write(&path, project.export)
        .map_err(|e| Error::unavailable(format!("cannot write {}: {e}; make room there", path.display()), e))?;
    Ok(ImportRequest {
        workspace: DEFAULT_WORKSPACE.to_owned(),
        project: project.name.to_owned(),
        inputs: vec![Input { path, name: project.file.to_owned() }],
        source: None,
        config: Some(project.config.to_owned()),
        mode: Mode::Merge,
        actor: "demo".to_owned(),
        audit_id: None,
        bucket_bytes: BYTES_PER_BUCKET,
        lease: None,
    })
}
