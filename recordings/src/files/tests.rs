use super::*;
use crate::{Compression, DriveInfo, DriveReader, DriveWriter, Message, RunRecord, samples};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;

fn run(mode: &str) -> RunRecord {
    RunRecord { version: "0.1.0".into(), mode: mode.into(), ..RunRecord::default() }
}

/// Twenty frames, two seconds, a chunk closed every five frames.
fn drive(path: &Path, compression: Compression) {
    let mut writer = DriveWriter::create(path, &run("live"), compression).unwrap();
    let head = samples::every_message().into_iter().take(2);
    for (n, message) in head.chain((0..20).flat_map(samples::frame)).enumerate() {
        writer.write(&message).unwrap();
        if n % 70 == 69 {
            writer.flush().unwrap();
        }
    }
    writer.finish().unwrap();
}

fn messages(path: &Path) -> Vec<Message> {
    DriveReader::open(path).unwrap().map(Result::unwrap).collect()
}

fn cut(path: &Path, keep: usize) -> PathBuf {
    let cut = path.with_extension("cut");
    fs::write(&cut, &fs::read(path).unwrap()[..keep]).unwrap();
    cut
}

#[test]
fn a_cut_file_becomes_a_clean_one_and_nothing_readable_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let [path, clean] = ["drive.mcap", "clean.mcap"].map(|name| folder.path().join(name));
        drive(&path, compression);
        let (all, size) = (messages(&path), fs::read(&path).unwrap().len());
        let mut last = 0;
        for part in 1..=20 {
            let keep = size * part / 20;
            let cut = cut(&path, keep);
            let recovered = recover(&cut, &clean, Compression::Lz4).unwrap();
            let info = DriveInfo::read(&clean).unwrap();
            assert!(!info.cut && info.messages == recovered.messages && info.run.is_some(), "{part}");
            let found = messages(&clean);
            // What a reader finds in whole chunks is there, and of the cut one what came before the cut.
            let whole = DriveReader::open_cut(&cut).unwrap().filter(Result::is_ok).count();
            assert!(found.len() >= whole.max(last), "{compression:?} {part}: {} of {whole}", found.len());
            // Within a frame they are read in another order than they were written.
            let mut rest = all.iter();
            assert!(found.iter().all(|message| rest.any(|other| other == message)), "{part}");
            if compression == Compression::None && part < 20 {
                // Uncompressed, no more is missing than what was written between two flushes: a quarter.
                let share = found.len() as f64 / all.len() as f64;
                assert!((share - part as f64 / 20.0).abs() < 0.27, "{part}: {share}");
            }
            last = found.len();
        }
        assert_eq!(last, all.len());
        let recovered = recover(&path, &clean, Compression::None).unwrap();
        assert_eq!((recovered.lost, recovered.from_cut_chunk), (Vec::new(), 0));
    }
}

#[test]
fn damage_in_the_middle_costs_its_chunk_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [path, clean] = ["drive.mcap", "clean.mcap"].map(|name| folder.path().join(name));
    drive(&path, Compression::Lz4);
    let (all, bytes) = (messages(&path), fs::read(&path).unwrap());
    let chunks = crate::container::Container::open(&path).unwrap().chunks;
    assert!(chunks.len() > 4);
    // A wrong byte inside the second chunk, and one in the length of the fourth; the third holds views.
    for (place, lost) in
        [(chunks[1].offset + chunks[1].length / 2, "damaged at byte"), (chunks[3].offset + 5, "are no records")]
    {
        let mut damaged = bytes.clone();
        damaged[place as usize] ^= 0x55;
        let input = folder.path().join("damaged.mcap");
        fs::write(&input, damaged).unwrap();
        let recovered = recover(&input, &clean, Compression::Lz4).unwrap();
        assert!(recovered.lost.iter().any(|line| line.contains(lost)), "{:?}", recovered.lost);
        let found = messages(&clean);
        assert!(found.len() < all.len() && found.len() * 10 > all.len() * 6, "{} of {}", found.len(), all.len());
        assert!(found.iter().all(|message| all.contains(message)));
    }
}

#[test]
fn a_slice_has_its_time_and_what_holds_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let [path, part] = ["drive.mcap", "part.mcap"].map(|name| folder.path().join(name));
    drive(&path, Compression::Lz4);
    slice(&path, 0.75, Some(1.25), false, &part, Compression::Zstd).unwrap();
    let found = messages(&part);
    let kept = messages(&path).into_iter().filter(|message| {
        let after = message.stamp().map(|stamp| stamp.nanos() - samples::START_NS);
        after.is_none_or(|nanos| (750_000_000..1_250_000_000).contains(&nanos))
    });
    assert!(found == kept.collect::<Vec<_>>());
    assert_eq!(found.len(), 2 + 5 * samples::frame(0).len());
    let info = DriveInfo::read(&part).unwrap();
    assert_eq!(info.span_ns.unwrap().0, samples::START_NS as u64 + 750_000_000);
    assert_eq!(info.compression.keys().collect::<Vec<_>>(), ["zstd"]);
    // All of it, with another compression.
    slice(&path, 0.0, None, false, &part, Compression::None).unwrap();
    assert!(messages(&part) == messages(&path));
    // And what a replay from the detections needs.
    let whole_bytes = fs::metadata(&part).unwrap().len();
    slice(&path, 0.0, None, true, &part, Compression::None).unwrap();
    let is_sensor = |message: &Message| matches!(message, Message::Camera(_) | Message::Lidar(_));
    assert!(messages(&part) == messages(&path).into_iter().filter(|m| !is_sensor(m)).collect::<Vec<_>>());
    let channels = DriveInfo::read(&part).unwrap().channels;
    assert!(channels.iter().all(|channel| !channel.topic.contains("scene") && !channel.topic.contains("points")));
    assert!(4 * fs::metadata(&part).unwrap().len() < whole_bytes);
    let refusal = slice(&path, 5.0, None, false, &part, Compression::None).unwrap_err().to_string();
    assert!(refusal.ends_with("no message from 5 to the end s: it lasts from 0 to 1.900 s"), "{refusal}");
    let same = slice(&path, 0.0, None, false, &path, Compression::None).unwrap_err().to_string();
    assert!(same.ends_with("the output would overwrite an input") && fs::metadata(&path).unwrap().len() > 1000);
}

#[test]
fn parts_merge_to_the_whole_and_strangers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["drive.mcap", "a.mcap", "b.mcap", "whole.mcap"];
    let [path, a, b, whole] = names.map(|name| folder.path().join(name));
    drive(&path, Compression::Lz4);
    slice(&path, 0.0, Some(0.95), false, &a, Compression::Lz4).unwrap();
    slice(&path, 0.95, None, false, &b, Compression::None).unwrap();
    merge(&[b.clone(), a.clone()], &whole, Compression::Zstd).unwrap();
    let is_fixed = |message: &Message| message.stamp().is_none();
    let stamped = |path: &Path| messages(path).into_iter().filter(|message| !is_fixed(message)).collect::<Vec<_>>();
    assert!(stamped(&whole) == stamped(&path));
    assert_eq!(DriveInfo::read(&whole).unwrap().run, Some(run("live")));

    let twice = merge(&[path.clone(), a.clone()], &whole, Compression::None).unwrap_err().to_string();
    assert!(twice.contains("a.mcap: ") && twice.ends_with("whose is whose?"), "{twice}");
    let mut writer = DriveWriter::create(&b, &run("simulation"), Compression::None).unwrap();
    writer.write(&samples::frame(90)[0]).unwrap();
    writer.finish().unwrap();
    let other = merge(&[path, b], &whole, Compression::None).unwrap_err().to_string();
    assert!(other.contains("another run (simulation of \"\")"), "{other}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_damage_leaves_a_file_that_opens(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), keep in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let [path, clean] = ["drive.mcap", "clean.mcap"].map(|name| folder.path().join(name));
        drive(&path, Compression::Lz4);
        let mut bytes = fs::read(&path).unwrap();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(keep.index(bytes.len()).max(8));
        fs::write(&path, bytes).unwrap();
        if let Ok(recovered) = recover(&path, &clean, Compression::None) {
            let info = DriveInfo::read(&clean).unwrap();
            prop_assert!(!info.cut && info.messages == recovered.messages);
        }
    }
}
