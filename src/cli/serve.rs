//! `assay serve`: API and dashboard in one process, with workers for the jobs that the API enqueues.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use clap::Args;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tower_http::set_header::SetResponseHeaderLayer;
use url::Url;

use crate::api::{RateLimits, Settings};
use crate::app::App;
use crate::auth::Transport;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lake::Format;

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port. Without API keys and users only loopback addresses are served.
    #[arg(long, env = "ASSAY_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Largest upload in MiB.
    #[arg(long, env = "ASSAY_MAX_UPLOAD_MB", default_value_t = 16_384)]
    max_upload_mb: u64,

    /// A reverse proxy in front ends TLS: cookies are then sent over TLS only, browsers are told to stay with it (HSTS), and who
    /// asks is the last address in `X-Forwarded-For`. Do not set it when clients reach this port directly.
    #[arg(long, env = "ASSAY_BEHIND_TLS")]
    behind_tls: bool,

    /// Jobs that are worked on at the same time; with 0 none, for `assay worker` elsewhere.
    #[arg(long, env = "ASSAY_WORKERS", default_value_t = 1, value_parser = parse_workers)]
    workers: usize,

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
    let transport = Transport { is_tls: args.behind_tls };
    if !transport.is_tls && !address.ip().is_loopback() {
        tracing::warn!(
            "keys and passwords travel unencrypted: put a proxy that ends TLS in front, and say so with --behind-tls"
        );
    }
    let settings =
        Settings { max_upload: args.max_upload_mb << 20, rates: args.rates, cors_origins: args.cors_origins };
    let service = Service { settings, workers: args.workers, publish: args.after_import.publish, transport };
    serve(app, listener, service).await
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

/// Each holds a bucket of a project in memory, and a connection to the database now and then.
pub(super) fn parse_workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(workers) if workers <= 64 => Ok(workers),
        _ => Err("expected a number from 0 to 64".to_owned()),
    }
}

/// What a server is to be like.
pub(super) struct Service {
    pub settings: Settings,
    pub workers: usize,
    /// What to publish after an import.
    pub publish: Option<Format>,
    /// How requests arrive.
    pub transport: Transport,
}

/// Binds the address; without keys and users nothing but loopback is allowed, since everybody who reaches the port is let in.
pub(super) async fn bind(app: &App, listen: SocketAddr) -> Result<TcpListener> {
    if !listen.ip().is_loopback() && !app.db.any_key().await? && !app.db.any_user().await? {
        return Err(Error::invalid(format!(
            "{listen} can be reached from other machines, but there is no API key and no user yet: \
             make one with `assay keys create --name NAME --role owner` or `assay users add`, or listen on 127.0.0.1"
        )));
    }
    TcpListener::bind(listen)
        .await
        .map_err(|e| Error::invalid(format!("cannot listen on {listen}: {e}; choose another address with --listen")))
}

/// Serves until Ctrl-C or SIGTERM: then no new requests, running ones end, workers give their jobs back.
pub(super) async fn serve(app: Arc<App>, listener: TcpListener, service: Service) -> Result<()> {
    let background = Background::start(&app, service.workers, service.publish);
    let router = crate::api::router(app.clone(), crate::web::router(), &service.settings);
    let hsts = service.transport.is_tls.then(|| {
        let two_years = HeaderValue::from_static("max-age=63072000");
        SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, two_years)
    });
    let router = router.layer(Extension(service.transport)).layer(tower::util::option_layer(hsts));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopping = app.clone();
    let graceful = axum::serve(listener, service).with_graceful_shutdown(async move {
        wait_for_stop().await;
        // Now and not when the last request has ended: one that follows a job would wait for it.
        stopping.stop.cancel();
    });
    let served = graceful.await.map_err(Error::internal);
    background.end(&app).await?;
    app.db.close().await;
    served
}

/// What goes on besides requests: workers, and looking for due schedules.
pub(super) struct Background {
    workers: JoinSet<()>,
    schedules: JoinHandle<()>,
}

impl Background {
    pub(super) fn start(app: &Arc<App>, workers: usize, publish: Option<Format>) -> Self {
        Self {
            workers: crate::jobs::runner::start(app, workers, publish, &app.stop),
            schedules: tokio::spawn(crate::jobs::schedule::keep(app.clone(), app.stop.clone())),
        }
    }

    /// Stops it, and waits until jobs are given back.
    pub(super) async fn end(mut self, app: &App) -> Result<()> {
        app.stop.cancel();
        while let Some(ended) = self.workers.join_next().await {
            ended.map_err(Error::internal)?;
        }
        self.schedules.await.map_err(Error::internal)
    }
}

pub(super) async fn wait_for_stop() {
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
