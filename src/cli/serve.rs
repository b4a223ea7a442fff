//! `assay serve`: API and dashboard in one process, with a worker for the jobs that the API enqueues.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;

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
    serve(app, listener, args.max_upload_mb << 20, args.after_import.publish, transport).await
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

/// Serves until Ctrl-C or SIGTERM: then no new requests, running ones end, the worker gives its job back.
pub(super) async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    max_upload: u64,
    publish: Option<Format>,
    transport: Transport,
) -> Result<()> {
    let stop = CancellationToken::new();
    let worker = tokio::spawn(crate::jobs::runner::work(app.clone(), publish, stop.clone()));
    let router = crate::api::router(app.clone(), crate::web::router(), max_upload);
    let hsts = transport.is_tls.then(|| {
        let two_years = HeaderValue::from_static("max-age=63072000");
        SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, two_years)
    });
    let router = router.layer(Extension(transport)).layer(tower::util::option_layer(hsts));
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
