//! Run it with: cargo run --example upload_server -- [ADDRESS]
//!
//! Then open http://127.0.0.1:8080 in a browser, or run
//! `curl -F file=@README.md http://127.0.0.1:8080/upload`.
//!
//! Each request has a directory of its own, into which the server streams the uploaded files under
//! the names that the client gives them. A child process inspects each file, and the answer is JSON.
//! The directory is removed before the answer, when the client hangs up half-way, when the server
//! stops (Ctrl-C, SIGTERM), and with the next start if the server was killed.
//!
//! It expects a proxy in front of it that bounds idle connections and the time for headers.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_tempdir::{AsyncTempDir, PathError, TempRoot, cleanup};
use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

const HELP: &str = "\
Serves a page for uploads. Each request has a temporary directory, removed before the answer.

Usage: cargo run --example upload_server -- [ADDRESS]

  ADDRESS  The host and the port to listen on (default: 127.0.0.1:8080; port 0 is any free one).

Ctrl-C or SIGTERM stops it once the requests under way have ended, after ten seconds at most.
";

/// The longest request, in bytes.
const MAX_BYTES: usize = 1 << 30;
/// The longest header of a part of it, and the longest part that is no file; with what comes in the
/// same chunk, and those have up to 400 KiB.
const MAX_HEADER: usize = 1 << 20;
/// The most files of one request, each of which takes a child process.
const MAX_FILES: usize = 100;
/// The most requests at a time, which bounds what their files take on disk.
const MAX_UPLOADS: usize = 256;
/// How long a request may take.
const MAX_TIME: Duration = Duration::from_secs(600);
/// How long requests have to end once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Uploads are turned away while so many directories wait for their removal: clients that come
/// and go faster than the disk deletes must not fill it.
const MAX_PENDING: usize = 1_000;
/// What is shown of a child's output, in bytes.
const MAX_REPORT: u64 = 4 << 10;
/// How long a child may take.
const MAX_CHILD_TIME: Duration = Duration::from_secs(10);
/// How many children work at the same time.
static CHILDREN: Semaphore = Semaphore::const_new(8);

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let address = match &args[..] {
        [arg, ..] if arg == "-h" || arg == "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        [] => "127.0.0.1:8080",
        [arg] if has_port(arg) => &arg.to_string_lossy(),
        [.., arg] => {
            eprintln!("error: unexpected argument {}; see --help", arg.display());
            return ExitCode::from(2);
        }
    };
    if let Err(error) = serve(address, GRACE).await {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Whether `arg` ends as an address does.
fn has_port(arg: &OsStr) -> bool {
    let port = arg.to_str().and_then(|arg| arg.rsplit_once(':'));
    port.is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// What the server is at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    Serving,
    Finishing,
    Cancelling,
}

struct Server {
    root: TempRoot,
    uploads: Semaphore,
    /// Directories that could not be removed within their request.
    failures: AtomicU64,
    phase: watch::Receiver<Phase>,
}

pub(crate) async fn serve(address: &str, grace: Duration) -> io::Result<()> {
    // Logs failures that no request reports.
    cleanup::set_failure_hook(|error| eprintln!("{error}"));
    // Also removes what a killed server has left.
    let root = TempRoot::open("async-tempdir-upload-server").await?;
    let (phase, watched) = watch::channel(Phase::Serving);
    let server = Arc::new(Server {
        root,
        uploads: Semaphore::new(MAX_UPLOADS),
        failures: AtomicU64::new(0),
        phase: watched.clone(),
    });
    let app = Router::new()
        .route("/", get(Html(PAGE)))
        .route("/upload", post(upload))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(Arc::clone(&server));

    let mut asked_to_stop = Signals::new()?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let message = format!("cannot listen on {address}: {error}");
        io::Error::new(error.kind(), message)
    })?;
    println!("listening on http://{}", listener.local_addr()?);
    let serving =
        axum::serve(listener, app).with_graceful_shutdown(reached(watched, Phase::Finishing));
    let mut serving = tokio::spawn(serving.into_future());

    tokio::select! {
        ended = &mut serving => return ended?,
        () = asked_to_stop.next() => {}
    }
    println!("stopping");
    // No new connections. Requests under way have until the end of the grace, or a second signal.
    phase.send_replace(Phase::Finishing);
    let finished = tokio::select! {
        finished = timeout(grace, &mut serving) => finished.is_ok(),
        () = asked_to_stop.next() => false,
    };
    if !finished {
        phase.send_replace(Phase::Cancelling);
        // Requests answer that they are cancelled. Connections that do not end are aborted.
        if timeout(Duration::from_secs(1), &mut serving).await.is_err() {
            serving.abort();
        }
    }
    // Connections that hang on hold the server, and with it the root, until the runtime ends.
    let cleaned_up = async {
        if let Some(server) = Arc::into_inner(server) {
            server.root.close().await?;
        }
        cleanup::idle().await;
        io::Result::Ok(())
    };
    tokio::select! {
        done = cleaned_up => done?,
        // The next start does the rest.
        () = asked_to_stop.next() => std::process::exit(1),
    }
    println!("stopped");
    Ok(())
}

async fn reached(mut watched: watch::Receiver<Phase>, phase: Phase) {
    // It is an error that the sender is gone: then everything is over.
    let _ = watched.wait_for(|now| *now >= phase).await;
}

async fn upload(
    State(server): State<Arc<Server>>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    if cleanup::pending() > MAX_PENDING {
        return Err(Refusal::NotNow("too much is waiting to be removed"));
    }
    let Ok(_seat) = server.uploads.try_acquire() else {
        return Err(Refusal::NotNow("too many uploads"));
    };
    // Whichever of them ends the request, the other is dropped, and so is its directory.
    tokio::select! {
        answer = timeout(MAX_TIME, receive(&server, request)) => {
            answer.map_err(|_| Refusal::Client(StatusCode::REQUEST_TIMEOUT, "too slow".into()))?
        }
        () = reached(server.phase.clone(), Phase::Cancelling) => {
            Err(Refusal::NotNow("the server is stopping"))
        }
    }
}

async fn receive(server: &Server, request: Request) -> Result<Json<Value>, Refusal> {
    let header = Allowance::new();
    let request = request.map(|body| header.bound(body));
    let mut form = Multipart::from_request(request, &()).await?;
    let dir = server.root.temp_dir().await?;
    let mut files = Vec::new();
    loop {
        header.renew();
        let Some(field) = form.next_field().await? else {
            break;
        };
        header.suspend();
        if let Some(name) = field.file_name().map(str::to_owned) {
            if files.len() == MAX_FILES {
                let why = "too many files".to_owned();
                return Err(Refusal::Client(StatusCode::PAYLOAD_TOO_LARGE, why));
            }
            let bytes = save(&dir, &name, field).await?;
            let (good, report) = inspect(&dir, &name).await?;
            files.push(json!({ "name": name, "bytes": bytes, "good": good, "report": report }));
        }
    }
    // Awaited, so that a client cannot have more removed than it has sent; what cannot be removed
    // is no concern of its.
    if let Err(error) = dir.close().await {
        server.failures.fetch_add(1, Ordering::Relaxed);
        eprintln!("{error}");
    }
    Ok(Json(json!({ "files": files })))
}

/// What may come of a request's body before the next file begins: a parser has to keep that in
/// memory.
#[derive(Clone)]
struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(MAX_HEADER)))
    }

    fn renew(&self) {
        self.0.store(MAX_HEADER, Ordering::Relaxed);
    }

    /// For a file's contents, which go to the disk.
    fn suspend(&self) {
        self.0.store(usize::MAX, Ordering::Relaxed);
    }

    /// The body, which fails where it exceeds that.
    fn bound(&self, body: Body) -> Body {
        let left = Arc::clone(&self.0);
        Body::from_stream(body.into_data_stream().map(move |chunk| {
            let chunk = chunk.map_err(io::Error::other)?;
            let taken = |left: usize| match left {
                usize::MAX => Some(left),
                _ => left.checked_sub(chunk.len()),
            };
            match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken) {
                Ok(_) => Ok(chunk),
                Err(_) => Err(io::Error::other("the header of a part is too long")),
            }
        }))
    }
}

/// Streams an uploaded file into `dir`, under the client's name for it: the directory sees to it
/// that this leads nowhere else.
async fn save(dir: &AsyncTempDir, name: &str, field: Field<'_>) -> Result<u64, Refusal> {
    let refuse = |why: &str| Err(Refusal::Client(StatusCode::BAD_REQUEST, why.to_owned()));
    match dir.try_exists(name).await {
        Ok(true) => return refuse("two files have the same name"),
        Ok(false) => {}
        // Why, the writing says.
        Err(_) => {}
    }
    let error = match dir.write_stream(name, field).await {
        Ok(bytes) => return Ok(bytes),
        Err(error) => error,
    };
    let cause = error.get_ref().and_then(|error| error.downcast_ref());
    let cause = cause.and_then(|error: &PathError| error.io_error().get_ref());
    if let Some(broken) = cause.and_then(|error| error.downcast_ref::<MultipartError>()) {
        return Err(Refusal::Client(broken.status(), broken.body_text()));
    }
    match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::InvalidInput
        | ErrorKind::InvalidFilename
        | ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::AlreadyExists => refuse("this is no name for a file here"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Err(Refusal::Server(StatusCode::INSUFFICIENT_STORAGE, error))
        }
        _ => Err(error.into()),
    }
}

/// Has a child process look at the file: what is in an archive, or else a checksum. Returns
/// whether it could, and what it says.
async fn inspect(dir: &AsyncTempDir, name: &str) -> io::Result<(bool, String)> {
    let words: &[&str] = match name.rsplit('.').next() {
        Some("tar") => &["tar", "-tf", "-"],
        Some("tgz" | "gz") => &["tar", "-tzf", "-"],
        _ if cfg!(windows) => &["find", "/c", "/v", ""],
        _ => &["cksum"],
    };
    let _seat = CHILDREN.acquire().await.expect("it is never closed");
    // As its standard input: no name that a client made up becomes an argument.
    let file = dir.open(name).await?.into_std().await;
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .current_dir(dir)
        .stdin(Stdio::from(file))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut report = Vec::new();
    let mut output = child.stdout.take().expect("it is piped");
    let ended = timeout(MAX_CHILD_TIME, async {
        (&mut output)
            .take(MAX_REPORT)
            .read_to_end(&mut report)
            .await?;
        // Read the rest, too: a child whose output is not read would fail.
        tokio::io::copy(&mut output, &mut tokio::io::sink()).await?;
        child.wait().await
    });
    let good = match ended.await {
        Ok(status) => status?.success(),
        // Dropped, it is killed.
        Err(_) => false,
    };
    Ok((good, String::from_utf8_lossy(&report).trim_end().to_owned()))
}

/// What an operator wants to know of background removal, in the Prometheus text format.
async fn metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let text = format!(
        "# HELP tempdir_pending Directories that wait for their removal.\n\
         # TYPE tempdir_pending gauge\n\
         tempdir_pending {}\n\
         # HELP tempdir_failures_total Directories that could not be removed completely.\n\
         # TYPE tempdir_failures_total counter\n\
         tempdir_failures_total {}\n",
        cleanup::pending(),
        cleanup::failures() + server.failures.load(Ordering::Relaxed)
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

/// Why there is no answer.
enum Refusal {
    /// Something is wrong with what the client sent.
    Client(StatusCode, String),
    NotNow(&'static str),
    Server(StatusCode, io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Server(StatusCode::INTERNAL_SERVER_ERROR, error)
    }
}

impl From<MultipartRejection> for Refusal {
    fn from(rejection: MultipartRejection) -> Self {
        Self::Client(rejection.status(), rejection.body_text())
    }
}

impl From<MultipartError> for Refusal {
    fn from(error: MultipartError) -> Self {
        Self::Client(error.status(), error.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let answer = |status, why: &str| (status, Json(json!({ "error": why }))).into_response();
        match self {
            Self::Client(status, why) => answer(status, &why),
            Self::NotNow(why) => {
                let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, why);
                let soon = header::HeaderValue::from_static("1");
                response.headers_mut().insert(header::RETRY_AFTER, soon);
                response
            }
            // Paths are for the log.
            Self::Server(status, error) => {
                eprintln!("{error}");
                answer(status, "the server could not do that")
            }
        }
    }
}

/// Ctrl-C and, on Unix, SIGTERM.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Upload</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }
  form { border: 1px solid #8888; border-radius: .5rem; padding: 1rem }
  button { margin-top: 1rem }
</style>
<h1>Upload</h1>
<form action="/upload" method="post" enctype="multipart/form-data">
  <label>Files, or archives (.tar, .tar.gz)<br>
    <input type="file" name="file" multiple required></label><br>
  <button>Send</button>
</form>
<p>Each is looked at by a child process: an archive is listed, of anything else the checksum is
taken. Nothing is kept.</p>
</html>
"#;
