//! The live view and the metrics. Protects: a viewer sees what the file holds, and whatever viewers do, the file is the same, bit for
//! bit, and the run no slower.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic
#![allow(clippy::disallowed_methods)] // a test waits and measures

mod support;

use chauffeur::config::Config;
use chauffeur::replay::{Mode, Replay};
use chauffeur::stack::{CatalogueChoice, NetworkChoice};
use chauffeur::watch::{Watch, Watchers};
use recordings::{Compression, DriveInfo, stream_channels};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{long_drive, street, text};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket, client};

fn connect(address: SocketAddr, protocol: &str) -> Option<WebSocket<TcpStream>> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut request = format!("ws://{address}/").into_client_request().ok()?;
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse().ok()?);
    Some(client(request, stream).ok()?.0)
}

fn say(socket: &mut WebSocket<TcpStream>, value: &Value) {
    socket.send(Message::text(value.to_string())).unwrap();
}

/// Wants every channel, each under the number of the channel plus 100.
fn subscribe_to_all(socket: &mut WebSocket<TcpStream>) {
    let all = stream_channels();
    let wishes: Vec<Value> = all.iter().map(|c| json!({ "id": c.id + 100, "channelId": c.id })).collect();
    say(socket, &json!({ "op": "subscribe", "subscriptions": wishes }));
}

fn replay(drive: &Path, output: &Path, watch: Watch) -> Replay {
    Replay {
        drive: drive.into(),
        mode: Mode::Lossless,
        output: Some(output.into()),
        compression: Compression::None,
        config: Config::default(),
        networks: NetworkChoice {
            catalogue: CatalogueChoice::Nothing,
            model_dir: None,
            onnxruntime: None,
            provider: models::Provider::Cpu,
            threads: 1,
            builds: true,
        },
        serial: false,
        work: chauffeur::stack::Work::Beside,
        without_sensors: false,
        warm_up: 0,
        kept_frames: 0,
        watch,
    }
}

/// Runs a replay to its end; how long that took.
fn run(replay: &Replay) -> Duration {
    let prepared = replay.prepare().unwrap();
    let begin = Instant::now();
    let outcome = prepared.run(&Arc::default(), &Arc::default()).unwrap();
    assert!(outcome.fault.is_none() && outcome.error.is_none());
    begin.elapsed()
}

#[test]
fn a_viewer_sees_what_the_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("log.mcap");
    let mut program = Command::new(env!("CARGO_BIN_EXE_chauffeur"))
        .args(["replay", text(&street()), "--models", "none", "--mode", "realtime", "--rate", "2"])
        .args(["--live", "0", "--metrics", "0", "--output", text(&output)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut address_behind = |start: &str| {
        let line = lines.next().unwrap().unwrap();
        let rest = line.strip_prefix(start).unwrap_or_else(|| panic!("{line}")).to_string();
        rest.split([' ', '/']).next().unwrap().parse::<SocketAddr>().unwrap()
    };
    let (live, metrics) = (address_behind("live view: ws://"), address_behind("metrics: http://"));
    let mut socket = connect(live, "foxglove.sdk.v1").unwrap();
    let info: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
    assert_eq!((info["op"].as_str(), info["capabilities"][0].as_str()), (Some("serverInfo"), Some("time")));
    let advertised: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(advertised["channels"].as_array().unwrap().len(), stream_channels().len());
    subscribe_to_all(&mut socket);
    let mut scrape = String::new();
    let mut counts: BTreeMap<u16, u64> = BTreeMap::new();
    while let Ok(message) = socket.read() {
        let Message::Binary(bytes) = message else { continue };
        if bytes[0] == 1 {
            let number = u32::from_le_bytes(bytes[1..5].try_into().unwrap());
            *counts.entry(u16::try_from(number).unwrap() - 100).or_default() += 1;
        }
        if scrape.is_empty() && counts.values().sum::<u64>() > 500 {
            let mut stream = TcpStream::connect(metrics).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
            stream.read_to_string(&mut scrape).unwrap();
        }
    }
    lines.for_each(drop);
    assert!(program.wait().unwrap().success());
    let number = |name: &str| {
        let line = scrape.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {scrape}")).parse::<f64>().unwrap()
    };
    assert!(number("chauffeur_frames_total") > 5.0 && number("chauffeur_commands_total") > 50.0);
    assert!((0.0..0.5).contains(&number("chauffeur_plan_age_seconds")) && number("chauffeur_viewers") == 1.0);
    assert!((2.0..15.0).contains(&number("chauffeur_speed_mps")));
    // All that is in the file but for the beginning, which was before the viewer came, and nothing else.
    let in_the_file: BTreeMap<String, u64> =
        DriveInfo::read(&output).unwrap().channels.into_iter().map(|c| (c.topic, c.messages)).collect();
    for channel in stream_channels() {
        let (file, seen) =
            (in_the_file.get(channel.topic).copied().unwrap_or(0), counts.get(&channel.id).copied().unwrap_or(0));
        let standing = u64::from(channel.topic == "/tf");
        assert!(seen <= file + standing, "{}: {seen} of {file}", channel.topic);
        assert!(2 * seen >= file, "{}: {seen} of {file}", channel.topic);
    }
}

/// What viewers may do: nothing of it may touch the run.
fn be_hostile(address: SocketAddr) -> (Vec<WebSocket<TcpStream>>, Vec<TcpStream>) {
    let mut held = Vec::new();
    // Wants everything and never reads.
    for protocol in ["foxglove.sdk.v1", "foxglove.websocket.v1"] {
        let mut deaf = connect(address, protocol).unwrap();
        subscribe_to_all(&mut deaf);
        held.push(deaf);
    }
    // Speaks rubbish, before and after the handshake.
    let mut raw = Vec::new();
    for rubbish in [&b"\x00\xFF\x80\r\n\r\n"[..], b"GET / HTTP/1.1\r\n\r\n", &[b'A'; 100_000]] {
        let mut stream = TcpStream::connect(address).unwrap();
        let _ = stream.write_all(rubbish);
        raw.push(stream);
    }
    let mut babbler = connect(address, "foxglove.sdk.v1").unwrap();
    for word in
        ["", "{", "{\"op\":\"advertise\"}", "{\"op\":\"subscribe\",\"subscriptions\":[{\"id\":1,\"channelId\":99999}]}"]
    {
        let _ = babbler.send(Message::text(word));
    }
    let _ = babbler.send(Message::binary(vec![7; 10_000]));
    let _ = babbler.send(Message::binary(vec![7; 10 << 20]));
    held.push(babbler);
    assert!(connect(address, "mqtt").is_none(), "another protocol is refused");
    // Comes a hundred times.
    raw.extend((0..100).filter_map(|_| TcpStream::connect(address).ok()));
    (held, raw)
}

#[test]
fn whatever_viewers_do_the_file_is_the_same_and_the_run_no_slower() {
    let folder = tempfile::tempdir().unwrap();
    let drive = long_drive(folder.path(), 5);
    let [alone, watched] = ["alone", "watched"].map(|name| folder.path().join(name));
    let mut seconds = [f64::INFINITY; 2];
    for _ in 0..3 {
        seconds[0] = seconds[0].min(run(&replay(&drive, &alone, Watch::default())).as_secs_f64());
        let loopback = Some("127.0.0.1:0".parse().unwrap());
        let watchers = Watchers::open(loopback, loopback).unwrap();
        let address = watchers.live_address().unwrap();
        let held = be_hostile(address);
        let watch = watchers.watch();
        seconds[1] = seconds[1].min(run(&replay(&drive, &watched, watch)).as_secs_f64());
        drop(held);
        let closing = Instant::now();
        drop(watchers);
        assert!(closing.elapsed() < Duration::from_secs(5), "the view closes: {:?}", closing.elapsed());
        assert!(std::fs::read(&alone).unwrap() == std::fs::read(&watched).unwrap(), "another file with viewers");
    }
    println!("alone {:.2} s, with hostile viewers {:.2} s", seconds[0], seconds[1]);
    // Encoding for viewers takes a processor's time, not the run's place: on a busy machine it may cost some.
    assert!(seconds[1] < 1.5 * seconds[0] + 0.5, "{seconds:?}");
}

#[test]
fn a_place_that_is_given_free_is_given_to_the_next() {
    let watchers = Watchers::open(Some("127.0.0.1:0".parse().unwrap()), None).unwrap();
    let address = watchers.live_address().unwrap();
    // Those who say nothing hold their place for the two seconds of a handshake, not longer.
    let silent: Vec<TcpStream> =
        (0..2 * chauffeur::live_view::MOST_VIEWERS).filter_map(|_| TcpStream::connect(address).ok()).collect();
    let begin = Instant::now();
    let viewer = loop {
        if let Some(socket) = connect(address, "foxglove.sdk.v1") {
            break socket;
        }
        assert!(begin.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(100));
    };
    drop((silent, viewer));
}
