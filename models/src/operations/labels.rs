//! The labels of a range image go back to the points.

use super::range::{NONE, Projection};
use types::ObjectClass;

/// A class for every point of a cloud.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointLabels {
    /// Class of each point; `None` for background and for points the network did not see.
    pub class: Vec<Option<ObjectClass>>,
    /// Probability of that class, 0..1; zero for points the network did not see.
    pub confidence: Vec<f32>,
}

impl PointLabels {
    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.class.len()
    }

    /// Whether there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.class.is_empty()
    }
}

/// Gives each point its pixel's label and confidence if its range is within `trust_distance_m` of the pixel's own point. What
/// lies farther behind is hidden by that point, and its label would be a guess. `classes` maps labels to object classes; a
/// label beyond its end is background.
pub fn labels_to_points(
    projection: &Projection,
    labels: &[u8],
    confidence: &[f32],
    classes: &[Option<ObjectClass>],
    trust_distance_m: f32,
    points: &mut PointLabels,
) {
    points.class.clear();
    points.confidence.clear();
    for (&pixel, &range) in projection.pixel_of_point.iter().zip(&projection.range_of_point) {
        let seen = (pixel != NONE).then_some(pixel as usize).filter(|&pixel| {
            let nearest = projection.point_of_pixel[pixel] as usize;
            (range - projection.range_of_point[nearest]).abs() < trust_distance_m
        });
        let label = seen.and_then(|pixel| Some((*labels.get(pixel)?, *confidence.get(pixel)?)));
        let (class, certainty) = label
            .map_or((None, 0.0), |(label, certainty)| (classes.get(usize::from(label)).copied().flatten(), certainty));
        points.class.push(class);
        points.confidence.push(certainty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_near_the_pixels_own_point_take_its_label() {
        let projection = Projection {
            pixel_of_point: vec![1, 1, 1, NONE, 0],
            range_of_point: vec![5.0, 5.4, 5.5, 0.0, 9.0],
            point_of_pixel: vec![4, 0],
        };
        let classes = [None, Some(ObjectClass::Car)];
        let mut points = PointLabels::default();
        labels_to_points(&projection, &[0, 1], &[0.9, 0.8], &classes, 0.5, &mut points);
        let car = Some(ObjectClass::Car);
        assert_eq!(points.class, [car, car, None, None, None]);
        assert_eq!(points.confidence, [0.8, 0.8, 0.0, 0.0, 0.9]);
        labels_to_points(&projection, &[0, 7], &[0.9], &classes, 0.5, &mut points);
        assert_eq!((points.class[0], points.confidence[0], points.len()), (None, 0.0, 5));
    }
}
