//! Reading: order, cut and damaged files, foreign files.

use super::*;
use crate::samples::{self, START_NS};
use crate::{Compression, DriveWriter};
use foxglove::Encode as _;
use std::fs;
use std::path::PathBuf;

fn drive(folder: &tempfile::TempDir, compression: Compression, frames: u64) -> (PathBuf, Vec<Message>) {
    let path = folder.path().join("drive.mcap");
    let run = RunRecord { version: "1.2.3".into(), network_threads: 2, ..RunRecord::default() };
    let mut writer = DriveWriter::create(&path, &run, compression).unwrap();
    let mut messages = samples::every_message()[..2].to_vec();
    messages.extend((0..frames).flat_map(samples::frame));
    for (n, message) in messages.iter().enumerate() {
        writer.write(message).unwrap();
        if n % 120 == 119 {
            writer.flush().unwrap();
        }
    }
    writer.finish().unwrap();
    (path, messages)
}

fn read(reader: DriveReader) -> Vec<String> {
    reader.map(|message| format!("{:?}", message.unwrap())).collect()
}

fn shown(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| format!("{message:?}")).collect()
}

/// The reader's order, without the reader.
fn in_order(mut messages: Vec<Message>) -> Vec<Message> {
    messages.sort_by_key(|m| (m.stamp().map_or(START_NS, Stamp::nanos), m.place(), m.sequence()));
    messages
}

#[test]
fn a_drive_comes_back_exactly_and_in_order() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let folder = tempfile::tempdir().unwrap();
        let (path, messages) = drive(&folder, compression, 30);
        let reader = DriveReader::open(&path).unwrap();
        assert_eq!(reader.run_record().unwrap().network_threads, 2);
        assert_eq!(reader.calibration(), Some(&samples::calibration()));
        assert_eq!(reader.route().map(|route| route.points.len()), Some(2));
        assert!(reader.chunks.len() > 2, "{} chunks", reader.chunks.len());
        assert_eq!(read(reader), shown(&in_order(messages)));
    }
}

#[test]
fn late_messages_come_in_the_order_of_their_stamps() {
    // As in a run: the results of a frame are written while newer sensor data is already in the file.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive.mcap");
    let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::None).unwrap();
    let frames = (0..40).map(samples::frame).collect::<Vec<_>>();
    let mut written = Vec::new();
    for n in 0..50 {
        written.extend(frames.get(n).into_iter().flat_map(|frame| &frame[..3]).cloned());
        written
            .extend(n.checked_sub(10).and_then(|n| frames.get(n)).into_iter().flat_map(|frame| &frame[3..]).cloned());
    }
    for message in &written {
        writer.write(message).unwrap();
    }
    writer.finish().unwrap();
    let reader = DriveReader::open(&path).unwrap();
    assert_eq!(reader.calibration(), None);
    assert_eq!(read(reader), shown(&in_order(written)));
}

#[test]
fn a_calibration_that_comes_late_is_known_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive.mcap");
    let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::Lz4).unwrap();
    for message in (0..20).flat_map(samples::frame).chain([Message::Calibration(samples::calibration())]) {
        writer.write(&message).unwrap();
    }
    writer.finish().unwrap();
    let reader = DriveReader::open(&path).unwrap();
    assert_eq!(reader.calibration(), Some(&samples::calibration()));
    assert_eq!(reader.map(Result::unwrap).filter(|m| matches!(m, Message::Calibration(_))).count(), 1);
    let mut reader = DriveReader::open(&path).unwrap();
    reader.only(&["/calibration", "/tick"]);
    let kinds = reader.map(|message| message.unwrap().topic()).collect::<Vec<_>>();
    assert_eq!(
        (kinds.len(), kinds[19]),
        (21, "/calibration"),
        "it has the stamp of the last frame, and comes first there"
    );
}

#[test]
fn a_cut_file_gives_its_whole_chunks_and_then_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let (path, messages) = drive(&folder, Compression::Lz4, 40);
    let whole = fs::read(&path).unwrap();
    let all = in_order(messages);
    let cut = folder.path().join("cut.mcap");
    let mut most = 0;
    for length in (1..whole.len()).step_by(whole.len() / 150 + 1).chain(whole.len() - 60..whole.len()) {
        fs::write(&cut, &whole[..length]).unwrap();
        let error = DriveReader::open(&cut).err().expect("a cut file must not open").to_string();
        assert!(error.contains("recover") && error.contains("cut.mcap"), "{length}: {error}");
        let mut items = DriveReader::open_cut(&cut).unwrap().collect::<Vec<_>>();
        assert_eq!(items.pop().unwrap().unwrap_err().to_string(), error);
        let found = items.into_iter().map(Result::unwrap).collect::<Vec<_>>();
        // The messages of whole chunks: in order, none twice, none invented, and more in a longer file.
        let mut rest = all.iter();
        assert!(found.iter().all(|message| rest.any(|other| other == message)), "{length}");
        assert!(found.len() >= most, "{length}: {} after {most}", found.len());
        most = found.len();
    }
    assert_eq!(most, all.len(), "a file that lacks the summary alone has all messages");
}

#[test]
fn a_damaged_chunk_is_one_error_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, messages) = drive(&folder, Compression::Lz4, 40);
    let chunks = DriveReader::open(&path).unwrap().chunks.clone();
    let whole = fs::read(&path).unwrap();
    for chunk in &chunks {
        let mut bytes = whole.clone();
        bytes[(chunk.offset + chunk.length / 2) as usize] ^= 16;
        fs::write(&path, bytes).unwrap();
        let holds = |topic: Topic| chunk.channels.contains(&topic.channel_id());
        assert_eq!(DriveReader::open(&path).is_err(), holds(Topic::Calibration));
        let items = DriveReader::open_cut(&path).unwrap().collect::<Vec<_>>();
        let errors = items.iter().filter_map(|item| item.as_ref().err()).collect::<Vec<_>>();
        if holds(Topic::PlanScene) {
            // Views have chunks of their own, which nobody reads.
            assert!(errors.is_empty() && items.len() == messages.len(), "{errors:?}");
            continue;
        }
        assert!(
            matches!(errors[..], [RecordingError::Damaged { offset, .. }] if *offset == chunk.offset),
            "{errors:?}"
        );
        let found = items.len() - 1;
        assert!(found < messages.len() && found > messages.len() / 2, "{found} of {}", messages.len());
    }
}

#[test]
fn flipped_bits_are_noticed_or_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let (path, messages) = drive(&folder, Compression::Lz4, 12);
    let whole = fs::read(&path).unwrap();
    let hurt = folder.path().join("hurt.mcap");
    for place in (0..whole.len()).step_by(whole.len() / 400 + 1).chain(whole.len() - 300..whole.len()) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&hurt, &bytes).unwrap();
        let Ok(reader) = DriveReader::open_cut(&hurt) else { continue };
        for message in reader.flatten() {
            assert!(messages.contains(&message), "byte {place} changed a message unnoticed");
        }
    }
}

#[test]
fn what_is_no_drive_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let open = |bytes: &[u8]| {
        let path = folder.path().join("file");
        fs::write(&path, bytes).unwrap();
        DriveReader::open(&path).err().expect("must not open").to_string()
    };
    assert!(open(b"").contains("the file is empty"));
    assert!(open(b"SQLite format 3").contains("not an MCAP file: it begins with [53, 51"));
    assert!(open(b"\x89MC").contains("0 whole chunks with 0 messages"));
    let missing = DriveReader::open(&folder.path().join("missing")).err().unwrap().to_string();
    assert!(missing.contains("missing: cannot open: No such file"), "{missing}");
    assert!(DriveReader::open(folder.path()).is_err());
}

#[test]
fn foreign_files_are_described() {
    let bags = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/ros2_bags"));
    let Ok(entries) = fs::read_dir(&bags) else {
        eprintln!("skipped: ../shared/data is absent");
        return;
    };
    let mut paths = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    paths.sort();
    assert_eq!(paths.len(), 6);
    for path in paths {
        let error = DriveReader::open(&path).err().expect("not a drive").to_string();
        let encoding = if path.ends_with("wrong_rmw_test_0.mcap") { "wrong_format" } else { "cdr" };
        assert!(error.contains("not a drive: profile \"ros2\", library \""), "{error}");
        assert!(error.contains(&format!("has {encoding} messages of ")) && !error.contains('\n'), "{error}");
        let info = DriveInfo::read(&path).unwrap();
        assert_eq!(info.channels.iter().map(|channel| channel.messages).sum::<u64>(), info.messages, "{info:?}");
    }
}

/// A file with one channel of our table, or of none of ours.
fn with_channel(path: &Path, topic: &str, schema: &str, encoding: &str, data: &[u8]) {
    let mut writer = mcap::Writer::new(fs::File::create(path).unwrap()).unwrap();
    let schema = writer.add_schema(schema, encoding, b"x").unwrap();
    for name in ["/mystery", topic] {
        let channel_id = writer.add_channel(schema, name, encoding, &BTreeMap::new()).unwrap();
        let header = mcap::records::MessageHeader { channel_id, sequence: 0, log_time: 5, publish_time: 5 };
        writer.write_to_known_channel(&header, data).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_known_topic_with_another_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.mcap");
    with_channel(&path, "/lidar/top/points", "sensor_msgs/msg/PointCloud2", "ros2msg", b"");
    let error = DriveReader::open(&path).err().unwrap().to_string();
    assert!(
        error.contains("/lidar/top/points holds ros2msg messages of sensor_msgs/msg/PointCloud2 (ros2msg)"),
        "{error}"
    );
    assert!(error.contains("expected protobuf messages of foxglove.PointCloud"), "{error}");
}

#[test]
fn a_message_that_does_not_decode_is_one_error_and_strangers_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.mcap");
    with_channel(&path, "/tick", "chauffeur.Tick", "protobuf", &[0xff; 7]);
    let mut reader = DriveReader::open(&path).unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("bad.mcap: /tick at 5 ns: "), "{error}");
    assert!(reader.next().is_none());
    assert_eq!(reader.skipped(), 1);
}

#[test]
fn an_unusable_calibration_is_named_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive.mcap");
    let error_of = |calibration: Calibration| {
        let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::None).unwrap();
        writer.write(&Message::Calibration(calibration)).unwrap();
        writer.finish().unwrap();
        DriveReader::open(&path).err().unwrap().to_string()
    };
    let mut singular = samples::calibration();
    singular.camera.as_mut().unwrap().k.fill(0.0);
    assert!(error_of(singular).contains("drive.mcap: camera.k is singular: determinant 0e0"));
    let mut nan = samples::calibration();
    nan.base_from_lidar.translation.x = f64::NAN;
    assert!(error_of(nan).contains("base_from_lidar holds a number that is not finite: NaN"));
}

#[test]
fn messages_outside_of_chunks_are_refused_and_files_without_a_summary_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.mcap");
    let frame = samples::frame(0);
    let tick = frame.iter().find(|message| message.topic() == "/tick").unwrap();
    let mut data = Vec::new();
    crate::schema::encode::message(tick, Stamp::from_nanos(7), &mut data);
    for (chunked, summary) in [(false, true), (false, false), (true, false)] {
        let options =
            mcap::WriteOptions::new().use_chunks(chunked).emit_summary_offsets(summary).emit_summary_records(summary);
        let mut writer = options.create(fs::File::create(&path).unwrap()).unwrap();
        let schema = writer.add_schema("chauffeur.Tick", "protobuf", b"x").unwrap();
        let channel_id = writer.add_channel(schema, "/tick", "protobuf", &BTreeMap::new()).unwrap();
        let header = mcap::records::MessageHeader { channel_id, sequence: 0, log_time: 7, publish_time: 7 };
        writer.write_to_known_channel(&header, &data).unwrap();
        writer.finish().unwrap();
        match DriveReader::open(&path) {
            Ok(reader) => assert!(chunked && reader.map(Result::unwrap).count() == 1),
            Err(error) => {
                assert!(!chunked && error.to_string().contains("1 messages lie outside of chunks"), "{error}")
            }
        }
    }
}

#[test]
fn info_counts_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = drive(&folder, Compression::Lz4, 11);
    let info = DriveReader::open(&path).unwrap().info().unwrap();
    assert_eq!(info, DriveInfo::read(&path).unwrap());
    assert_eq!(info.run.as_ref().unwrap().version, "1.2.3");
    assert!((info.duration_s() - 1.0).abs() < 1e-9);
    assert_eq!(info.messages, 2 + 4 + 11 * 24, "calibration, route and their views; fifteen messages and nine views");
    let lidar = info.channels.iter().find(|channel| channel.topic == "/lidar/top/points").unwrap();
    assert_eq!((lidar.messages, lidar.schema.as_str(), lidar.read), (11, "foxglove.PointCloud", true));
    assert!((lidar.rate_hz - 10.0).abs() < 1e-9 && lidar.bytes > 11 * 160_000 && lidar.bytes < 11 * 170_000);
    assert_eq!(lidar.span_ns, Some((START_NS as u64, START_NS as u64 + 1_000_000_000)));
    assert!(!info.channels.iter().find(|channel| channel.topic == "/plan/scene").unwrap().read);
    assert!(info.compression.keys().eq(["lz4"]) && !info.cut);
}

#[test]
fn views_are_what_their_schemas_say() {
    // A viewer's own decoder reads what we write.
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = drive(&folder, Compression::None, 1);
    let bytes = fs::read(&path).unwrap();
    let mut seen = 0;
    for message in mcap::MessageStream::new(&bytes).unwrap().map(Result::unwrap) {
        let schema = message.channel.schema.as_ref().unwrap();
        seen += 1;
        match schema.name.as_str() {
            "foxglove.PointCloud" => {
                assert_eq!(schema.data, foxglove::messages::PointCloud::get_schema().unwrap().data);
                let cloud = <foxglove::messages::PointCloud as prost::Message>::decode(&message.data[..]).unwrap();
                assert_eq!((cloud.data.len(), cloud.fields.len(), cloud.frame_id.as_str()), (160_000, 4, "lidar"));
                assert_eq!(cloud.timestamp.unwrap().sec(), 1_317_042_145);
            }
            "foxglove.CompressedImage" => {
                let image = <foxglove::messages::CompressedImage as prost::Message>::decode(&message.data[..]).unwrap();
                assert_eq!((image.data.len(), image.format.as_str()), (40_000, "png"));
            }
            _ => {}
        }
        assert_eq!((message.log_time, message.publish_time), (START_NS as u64, START_NS as u64));
    }
    assert_eq!(seen, 30);
}
