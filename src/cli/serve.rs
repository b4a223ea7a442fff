//! `assay serve`: API and dashboard in one process, with a worker for the jobs that the API enqueues.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::HeaderValue;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::api::{RateLimits, Settings};
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lake::Format;

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port. Without API keys only loopback addresses are served.
    #[arg(long, env = "ASSAY_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Largest upload in MiB.
    #[arg(long, env = "ASSAY_MAX_UPLOAD_MB", default_value_t = 16_384)]
    max_upload_mb: u64,

    #[command(flatten)]
    rates: RateLimits,

    /// An origin whose pages may call the API from a browser, as in `https://app.example.com`; may be given several times. None by default.
    #[arg(long = "cors-origin", env = "ASSAY_CORS_ORIGINS", value_delimiter = ',', value_parser = parse_origin)]
    cors_origins: Vec<HeaderValue>,

    #[command(flatten)]
    after_import: super::publish::PublishAfter,

    #[command(flatten)]
    log: crate::telemetry::LogArgs,
}

pub async fn run(config: &Config, args: ServeArgs) -> Result<()> {
    crate::telemetry::start(&args.log);
    let app = App::open(config).await?;
    let listener = bind(&app, args.listen).await?;
    let address = listener.local_addr().map_err(Error::internal)?;
    tracing::info!(%address, data = %app.lake.location(), "serving");
    let settings =
        Settings { max_upload: args.max_upload_mb << 20, rates: args.rates, cors_origins: args.cors_origins };
    serve(app, listener, &settings, args.after_import.publish).await
}

/// Scheme, host and port alone, as a browser writes them.
fn parse_origin(text: &str) -> std::result::Result<HeaderValue, String> {
    let fault =
        || format!("{text:?} is not an origin; write scheme, host and port alone, as in https://app.example.com");
    let url = Url::parse(text).map_err(|_| fault())?;
    let origin = url.origin().ascii_serialization();
    if origin != text || !matches!(url.scheme(), "http" | "https") {
        return Err(fault());
    }
    HeaderValue::from_str(text).map_err(|_| fault())
}

/// Binds the address; without keys nothing but loopback is allowed, since everybody who reaches the port is let in.
pub(super) async fn bind(app: &App, listen: SocketAddr) -> Result<TcpListener> {
    if !listen.ip().is_loopback() && !app.db.any_key().await? {
        return Err(Error::invalid(format!(
            "{listen} can be reached from other machines, but there is no API key yet: \
             make one with `assay keys create --name NAME --role owner`, or listen on 127.0.0.1"
        )));
    }
    TcpListener::bind(listen)
        .await
        .map_err(|e| Error::invalid(format!("cannot listen on {listen}: {e}; choose another address with --listen")))
}

/// Serves until Ctrl-C or SIGTERM: then no new requests, running ones end, the worker gives its job back.
pub(super) async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    settings: &Settings,
    publish: Option<Format>,
) -> Result<()> {
    let stop = CancellationToken::new();
    let worker = tokio::spawn(crate::jobs::runner::work(app.clone(), publish, stop.clone()));
    let router = crate::api::router(app.clone(), crate::web::router(), settings);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let graceful = axum::serve(listener, service).with_graceful_shutdown(wait_for_stop());
    let served = graceful.await.map_err(Error::internal);
    stop.cancel();
    worker.await.map_err(Error::internal)?;
    app.db.close().await;
    served
}

async fn wait_for_stop() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
    tracing::info!("stopping");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for good in ["https://app.example.com", "http://localhost:3000"] {
            assert_eq!(parse_origin(good).unwrap(), good);
        }
        for bad in [
            "*",
            "app.example.com",
            "https://app.example.com/",
            "https://a.example/x",
            "https://A.example",
            "ftp://a.example",
        ] {
            assert!(parse_origin(bad).is_err(), "{bad}");
        }
    }
}
