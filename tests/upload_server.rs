//! The upload server among its clients: many, hostile, and gone half-way. It runs in a process of
//! its own, and what it leaves is counted.
#![cfg(unix)]

mod support;
#[path = "../examples/upload_server.rs"]
#[allow(dead_code, reason = "its main is the test here")]
mod upload_server;

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, StatusCode};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Running, Sandbox, until};

/// What the test `the_server` is told to be one by.
const SERVER: &str = "server";
/// How long requests have when it stops, in seconds: for a test that lets it pass, and for those
/// that do not.
const SHORT: u64 = 1;
const LONG: u64 = 600;
const GRACE: &str = "GRACE";

#[test]
fn the_server() {
    if support::is_child(SERVER) {
        let grace = std::env::var(GRACE).unwrap().parse().unwrap();
        let grace = Duration::from_secs(grace);
        support::multi_thread()
            .block_on(upload_server::serve("127.0.0.1:0", grace))
            .unwrap();
    }
}

/// A server at work in a directory for temporary files of its own.
struct Server {
    child: Running,
    address: SocketAddr,
    sandbox: Sandbox,
    client: Client,
}

impl Server {
    fn start() -> Self {
        Self::start_with_grace(LONG)
    }

    fn start_with_grace(seconds: u64) -> Self {
        let sandbox = Sandbox::new();
        let child = support::this_test("the_server", &[])
            .env(support::MARK, SERVER)
            .env(GRACE, seconds.to_string())
            .env("TMPDIR", sandbox.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = Running(child);
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| {
                Some(
                    line.unwrap()
                        .split_once("listening on http://")?
                        .1
                        .to_owned(),
                )
            })
            .expect("it says where it listens");
        // What else it prints must not get stuck.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: address.parse().unwrap(),
            sandbox,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn upload(&self, form: Form) -> reqwest::Result<(StatusCode, Value)> {
        let request = self.client.post(self.url("/upload")).multipart(form);
        let response = request.send().await?;
        Ok((response.status(), response.json().await?))
    }

    /// A connection on which `sent` bytes of an upload of `bytes` have been sent.
    fn begin_upload(&self, bytes: usize, sent: usize) -> io::Result<TcpStream> {
        let head =
            "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"half.bin\"\r\n\r\n";
        let tail = "\r\n--x--\r\n";
        let mut stream = TcpStream::connect(self.address)?;
        write!(
            stream,
            "POST /upload HTTP/1.1\r\nHost: test\r\n\
             Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n{head}",
            head.len() + bytes + tail.len()
        )?;
        stream.write_all(&vec![b'.'; sent])?;
        if sent == bytes {
            stream.write_all(tail.as_bytes())?;
        }
        Ok(stream)
    }

    /// The directories of requests.
    fn requests(&self) -> Vec<PathBuf> {
        let roots = self.sandbox.leftovers();
        assert_eq!(roots.len(), 1, "there is one root");
        let entries = fs::read_dir(&roots[0]).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child.0), signal).unwrap();
    }

    /// The value of a line that says how much of something the process has.
    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap().trim_start_matches(':').split_whitespace();
        value.into_iter().next().unwrap().parse().unwrap()
    }

    /// Asserts that it ends well and leaves nothing.
    fn check_end(mut self) {
        let status = self.child.0.wait().unwrap();
        assert!(status.success(), "{status}");
        self.sandbox.check();
    }
}

fn form(files: &[(String, Vec<u8>)]) -> Form {
    files.iter().fold(Form::new(), |form, (name, contents)| {
        form.part(
            "file",
            Part::bytes(contents.clone()).file_name(name.clone()),
        )
    })
}

/// What the server should answer for such a file.
fn cksum(contents: &[u8]) -> String {
    let mut child = Command::new("cksum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(contents).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn archive(names: &[String]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for name in names {
        let mut header = tar::Header::new_ustar();
        header.set_size(4);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, &b"text"[..])
            .unwrap();
    }
    builder.into_inner().unwrap()
}

const UPLOADS: usize = 500;
const IN_FLIGHT: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_uploads_with_a_tenth_of_the_clients_hanging_up() {
    let server = Server::start();
    // A checksum is a child's time: a few contents will do.
    let contents: Vec<Vec<u8>> = [1, 1_000, 100_000, 3_000_000]
        .iter()
        .map(|&len| (0..len).map(|n| (n % 251) as u8).collect())
        .collect();
    let sums: Vec<String> = contents.iter().map(|contents| cksum(contents)).collect();
    let levels = Mutex::new(Vec::new());

    let one = async |n: usize| {
        if n % 10 == 3 {
            hang_up(&server, n / 10).unwrap();
            return 0;
        }
        let which = n % contents.len();
        let inside = [format!("{n}/a"), format!("{n}/b")];
        let files = [
            (format!("{n}.bin"), contents[which].clone()),
            (format!("sub/{n}.tar"), archive(&inside)),
        ];
        let (status, answer) = server.upload(form(&files)).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        let answers = answer["files"].as_array().unwrap();
        for (at, report) in [(0, sums[which].clone()), (1, inside.join("\n"))] {
            assert_eq!(answers[at]["name"], files[at].0);
            assert_eq!(answers[at]["bytes"], files[at].1.len());
            assert_eq!(answers[at]["good"], true);
            assert_eq!(answers[at]["report"], report);
        }
        let level = (server.status("VmRSS"), server.status("Threads"));
        levels.lock().unwrap().push(level);
        1
    };
    let answered: usize = stream::iter(0..UPLOADS)
        .map(one)
        .buffer_unordered(IN_FLIGHT)
        .fold(0, async |sum, n| sum + n)
        .await;
    assert_eq!(answered, UPLOADS - UPLOADS / 10, "no answer is lost");

    // Who hangs up is noticed in its own time.
    until("the root is empty", || server.requests().is_empty());
    let metrics = server.client.get(server.url("/metrics")).send().await;
    let metrics = metrics.unwrap().text().await.unwrap();
    for line in ["tempdir_pending 0\n", "tempdir_failures_total 0\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }

    let levels = levels.into_inner().unwrap();
    let (early, late) = levels.split_at(levels.len() / 2);
    let peak = |levels: &[(u64, u64)]| {
        let most = |f: fn(&(u64, u64)) -> u64| levels.iter().map(f).max().unwrap();
        (most(|level| level.0), most(|level| level.1))
    };
    let (early, late) = (peak(early), peak(late));
    println!("resident KiB, threads: at most {early:?} in the first half, {late:?} in the second");
    assert!(late.0 < early.0 + (32 << 10), "memory is level");
    // One for each request that the server has not ended, of which it may still have those whose
    // clients have gone; its workers, those that remove, and the test's own.
    let most = IN_FLIGHT + UPLOADS / 10 + 16;
    assert!(
        early.1.max(late.1) <= most as u64,
        "threads do not grow with uploads"
    );

    server.signal(Signal::TERM);
    server.check_end();
}

/// A client that goes away in one of four ways.
fn hang_up(server: &Server, way: usize) -> io::Result<()> {
    match way % 4 {
        // In the midst of a file.
        0 => server.begin_upload(200_000, 100_000).map(drop),
        // Likewise, with what was on its way lost: a reset.
        1 => {
            let stream = server.begin_upload(2_000_000, 1_000_000)?;
            set_socket_linger(&stream, Some(Duration::ZERO))?;
            Ok(())
        }
        // With everything sent, before the answer.
        2 => server.begin_upload(200_000, 200_000).map(drop),
        // Before anything is in the file.
        _ => server.begin_upload(200_000, 0).map(drop),
    }
}

#[tokio::test]
async fn what_is_hostile_is_refused() {
    let server = Server::start();
    let outside = server.sandbox.join("outside");
    let absolute = outside.to_str().unwrap().to_owned();
    let long = "a".repeat(300);
    for name in [
        "../outside",
        "../../outside",
        "a/../../outside",
        &absolute,
        "/etc/passwd",
        "..",
        ".",
        "/",
        "a/..",
        "a/",
        "",
        &long,
        "a\0b",
    ] {
        let form = form(&[(name.to_owned(), b"x".to_vec())]);
        let (status, answer) = server.upload(form).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name:?}: {answer}");
        let message = answer["error"].as_str().unwrap();
        assert!(!message.contains('/'), "no path of the server: {message}");
    }
    // Two that do not go together.
    for names in [["a", "a"], ["a", "a/b"], ["a/b", "a"], ["a/b", "a/./b"]] {
        let files = names.map(|name| (name.to_owned(), b"x".to_vec()));
        let (status, answer) = server.upload(form(&files)).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{names:?}: {answer}");
    }
    let files: Vec<_> = (0..101).map(|n| (n.to_string(), Vec::new())).collect();
    let (status, answer) = server.upload(form(&files)).await.unwrap();
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{answer}");
    // A file without an end.
    let request = server.client.post(server.url("/upload"));
    let request = request.header("Content-Type", "multipart/form-data; boundary=x");
    let begun = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nhalf";
    let response = request.body(begun).send().await.unwrap();
    assert_eq!(
        response.status(),
        StatusCode::BAD_REQUEST,
        "it is no fault of the server's"
    );
    // A header without an end.
    let mut endless = TcpStream::connect(server.address).unwrap();
    let head = "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\
                Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nX: ";
    endless.write_all(head.as_bytes()).unwrap();
    let before = server.status("VmRSS");
    // Refused before it is through: the connection breaks.
    let sent = (0..1_000).try_for_each(|_| endless.write_all(&[b'a'; 100_000]));
    assert!(sent.is_err() && server.status("VmRSS") < before + (16 << 10));
    // A listing that is longer than what is shown of it.
    let many: Vec<_> = (0..20_000).map(|n| format!("dir/{n}")).collect();
    let files = [("many.tar".to_owned(), archive(&many))];
    let (status, answer) = server.upload(form(&files)).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["files"][0]["good"], true);
    // Odd, but harmless.
    for name in [
        "-rf", "--help", "a b", "ä", "$(id)", "`id`;", "a\\b", "*", "x.tar",
    ] {
        let form = form(&[(name.to_owned(), b"x".to_vec())]);
        let (status, answer) = server.upload(form).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{name:?}: {answer}");
        assert_eq!(answer["files"][0]["bytes"], 1);
    }
    assert!(!outside.exists());
    let page = server.client.get(server.url("/")).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("multipart/form-data"));
    until("the root is empty", || server.requests().is_empty());
    server.signal(Signal::INT);
    server.check_end();
}

#[test]
fn asked_to_stop_it_finishes_what_it_can_and_cancels_the_rest() {
    const SLOW: usize = 40;
    const STUCK: usize = 10;
    const BYTES: usize = 50_000;
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start();
        let begin = |_| server.begin_upload(BYTES, BYTES / 2).unwrap();
        let mut slow: Vec<_> = (0..SLOW).map(begin).collect();
        let stuck: Vec<_> = (0..STUCK).map(begin).collect();
        let _idle = TcpStream::connect(server.address).unwrap();
        until("every upload has its directory", || {
            server.requests().len() == SLOW + STUCK
        });
        server.signal(signal);
        until("it accepts no more", || {
            TcpStream::connect(server.address).is_err()
        });

        for stream in &mut slow {
            stream.write_all(&vec![b'.'; BYTES - BYTES / 2]).unwrap();
            stream.write_all(b"\r\n--x--\r\n").unwrap();
        }
        answered(slow, "HTTP/1.1 200 OK");
        // The second ends the grace.
        server.signal(signal);
        answered(stuck, "HTTP/1.1 503");
        server.check_end();
    }
}

fn answered(streams: Vec<TcpStream>, line: &str) {
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(line), "{answer}");
    }
}

#[test]
fn when_the_grace_is_over_whoever_does_not_listen_is_left() {
    let server = Server::start_with_grace(SHORT);
    // It has not even asked.
    let mut silent = TcpStream::connect(server.address).unwrap();
    silent.write_all(b"POST /upload HTTP/1.1\r\nHost:").unwrap();
    let stuck = server.begin_upload(50_000, 10_000).unwrap();
    until("the upload has its directory", || {
        server.requests().len() == 1
    });
    server.signal(Signal::TERM);
    answered(vec![stuck], "HTTP/1.1 503");
    server.check_end();
}

/// Under load at the very moment, whatever becomes of the requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_under_load_leaves_nothing() {
    for round in 0..4 {
        let server = Server::start();
        let contents = vec![b'.'; 100_000];
        let sent = Mutex::new(false);
        let results: Vec<_> = stream::iter(0..200)
            .map(async |n: usize| {
                if n % 10 == 3 && !*sent.lock().unwrap() {
                    // It may be stopping already.
                    let _ = hang_up(&server, n / 10);
                }
                let files = [(format!("{n}.bin"), contents.clone())];
                let answer = server.upload(form(&files)).await;
                if n == 30 + 20 * round {
                    server.signal(Signal::TERM);
                    *sent.lock().unwrap() = true;
                }
                answer
            })
            .buffer_unordered(IN_FLIGHT)
            .collect()
            .await;
        let mut good = 0;
        for (status, answer) in results.into_iter().flatten() {
            // Never an error of the server's.
            let expected = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE];
            assert!(expected.contains(&status), "{status}: {answer}");
            good += usize::from(status == StatusCode::OK);
        }
        assert!(good > 0);
        server.check_end();
    }
}
