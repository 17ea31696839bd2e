//! The numbers of a drive's frames as one Parquet file, a row a frame, for pandas, DuckDB or Polars.

use crate::evaluate::FrameMetrics;
use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use anyhow::Context;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// A column's values, a row each.
enum Column {
    Whole(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

/// Writes the rows of a drive.
///
/// # Errors
/// What the operating system says.
pub fn write(path: &Path, drive: &str, rows: &[FrameMetrics]) -> anyhow::Result<()> {
    let context = || format!("{}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(context)?;
    }
    let columns = columns(drive, rows);
    let mut schema = "message frames {".to_string();
    for (name, column) in &columns {
        let kind = match column {
            Column::Whole(_) => "INT64",
            Column::Number(_) => "DOUBLE",
            Column::Text(_) => "BYTE_ARRAY",
        };
        let text = if matches!(column, Column::Text(_)) { " (UTF8)" } else { "" };
        write!(schema, " optional {kind} {name}{text};")?;
    }
    schema.push('}');
    let schema = Arc::new(parse_message_type(&schema).with_context(context)?);
    let file = std::fs::File::create(path).with_context(context)?;
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).with_context(context)?;
    let mut group = writer.next_row_group().with_context(context)?;
    for (_, column) in columns {
        let mut place = group.next_column().with_context(context)?.context("the schema has every column")?;
        let levels = |there: &mut dyn Iterator<Item = bool>| there.map(i16::from).collect::<Vec<i16>>();
        let written = match column {
            Column::Whole(values) => {
                let levels = levels(&mut values.iter().map(Option::is_some));
                let values: Vec<i64> = values.into_iter().flatten().collect();
                place.typed::<Int64Type>().write_batch(&values, Some(&levels), None)
            }
            Column::Number(values) => {
                let levels = levels(&mut values.iter().map(Option::is_some));
                let values: Vec<f64> = values.into_iter().flatten().collect();
                place.typed::<DoubleType>().write_batch(&values, Some(&levels), None)
            }
            Column::Text(values) => {
                let levels = levels(&mut values.iter().map(Option::is_some));
                let values: Vec<ByteArray> =
                    values.iter().flatten().map(|text| ByteArray::from(text.as_str())).collect();
                place.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)
            }
        };
        written.with_context(context)?;
        place.close().with_context(context)?;
    }
    group.close().with_context(context)?;
    writer.close().with_context(context)?;
    Ok(())
}

fn columns(drive: &str, rows: &[FrameMetrics]) -> Vec<(&'static str, Column)> {
    let whole = |of: &dyn Fn(&FrameMetrics) -> Option<u64>| {
        Column::Whole(rows.iter().map(|row| of(row).and_then(|value| i64::try_from(value).ok())).collect())
    };
    let number = |of: &dyn Fn(&FrameMetrics) -> Option<f64>| Column::Number(rows.iter().map(of).collect());
    let text = |of: &dyn Fn(&FrameMetrics) -> Option<String>| Column::Text(rows.iter().map(of).collect());
    vec![
        ("drive", text(&|_| Some(drive.to_string()))),
        ("frame", whole(&|row| Some(row.frame))),
        ("stamp_ns", Column::Whole(rows.iter().map(|row| Some(row.stamp.nanos())).collect())),
        ("time_s", number(&|row| Some(row.time_s))),
        ("speed_mps", number(&|row| row.speed_mps)),
        ("acceleration_mps2", number(&|row| row.acceleration_mps2)),
        ("lateral_acceleration_mps2", number(&|row| row.lateral_acceleration_mps2)),
        ("jerk_mps3", number(&|row| row.jerk_mps3)),
        ("steering_rad", number(&|row| row.steering_rad)),
        ("commanded_acceleration_mps2", number(&|row| row.commanded_acceleration_mps2)),
        ("commanded_lateral_acceleration_mps2", number(&|row| row.commanded_lateral_acceleration_mps2)),
        ("commanded_jerk_mps3", number(&|row| row.commanded_jerk_mps3)),
        ("command_limits", whole(&|row| Some(u64::from(row.command_limits)))),
        ("command_stop", text(&|row| row.command_stop.clone())),
        ("time_to_collision_s", number(&|row| row.time_to_collision_s)),
        ("time_to_collision_track", whole(&|row| row.time_to_collision_track)),
        ("collision_track", whole(&|row| row.collision_track)),
        ("camera_detections", whole(&|row| row.camera_detections)),
        ("lidar_detections", whole(&|row| row.lidar_detections)),
        ("tracks", whole(&|row| row.tracks)),
        ("decision", text(&|row| row.decision.clone())),
        ("decision_track", whole(&|row| row.decision_track)),
        ("reason", text(&|row| row.reason.clone())),
        ("plan_cost", number(&|row| row.plan_cost)),
        ("candidates", whole(&|row| row.candidates)),
        ("plan_path_deviation_m", number(&|row| row.plan_path_deviation_m)),
        ("plan_place_deviation_m", number(&|row| row.plan_place_deviation_m)),
        ("labels_asked", whole(&|row| row.labels.map(|labels| labels.asked))),
        ("labels_detected", whole(&|row| row.labels.map(|labels| labels.detected))),
        ("labels_tracked", whole(&|row| row.labels.map(|labels| labels.tracked))),
        ("false_tracks", whole(&|row| row.labels.map(|labels| labels.false_tracks))),
        ("identity_switches", whole(&|row| row.labels.map(|labels| labels.identity_switches))),
        ("latency_ms", number(&|row| row.latency_ms)),
        ("dropped", whole(&|row| Some(row.dropped))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::RowAccessor;

    #[test]
    fn rows_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames/street.parquet");
        let row = |frame: u64| FrameMetrics {
            frame,
            speed_mps: (frame > 0).then_some(frame as f64 + 0.25),
            decision: (frame == 2).then(|| "stop".to_string()),
            ..FrameMetrics::default()
        };
        write(&path, "street", &(0..3).map(row).collect::<Vec<_>>()).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 3);
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows[2].get_string(0).unwrap(), "street");
        assert_eq!((rows[2].get_long(1).unwrap(), rows[2].get_double(4).unwrap()), (2, 2.25));
        assert!(rows[0].get_double(4).is_err());
        let decision = columns("", &[]).iter().position(|(name, _)| *name == "decision").unwrap();
        assert_eq!(rows[2].get_string(decision).unwrap(), "stop");
    }
}
