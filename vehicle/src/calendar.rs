//! Days of the Gregorian calendar.

/// Days from 1970-01-01 to a date (Hinnant, "chrono-compatible low-level date algorithms"): the year begins in March, so that
/// the leap day is its last. A day beyond the month's end counts on into the next.
#[must_use]
pub fn days_since_1970(year: i64, month: u8, day: u8) -> i64 {
    let (year, month) = (year - i64::from(month <= 2), i64::from(month));
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01 (the same source).
#[must_use]
pub fn date_of(days: i64) -> (i64, u8, u8) {
    let since = days + 719_468;
    let (era, day_of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (400 * era + year_of_era + i64::from(month <= 2), month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::{date_of, days_since_1970};

    #[test]
    fn days_that_are_known() {
        let days = [(1970, 1, 1), (1969, 12, 31), (2000, 3, 1), (2024, 2, 29), (2026, 11, 27)];
        assert_eq!(days.map(|(year, month, day)| days_since_1970(year, month, day)), [0, -1, 11_017, 19_782, 20_784]);
    }

    #[test]
    fn dates_come_back() {
        for days in -800_000..800_000 {
            let (year, month, day) = date_of(days);
            assert_eq!(days_since_1970(year, month, day), days);
            assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        }
    }
}
