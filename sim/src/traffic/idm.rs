//! How drivers keep their distance.

/// A driver: the parameters of the intelligent driver model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Driver {
    /// Strongest acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Comfortable braking, m/s2, positive.
    pub braking_mps2: f64,
    /// Time gap behind the one ahead, s.
    pub headway_s: f64,
    /// Gap at standstill, m.
    pub gap_m: f64,
}

/// Hardest braking, m/s2, positive.
pub const HARDEST_MPS2: f64 = 8.0;

impl Driver {
    /// Acceleration behind somebody (Treiber, Hennecke and Helbing, 2000). Without anybody the gap is infinite.
    pub fn follow(&self, speed: f64, wanted: f64, gap: f64, leader: f64, standstill_gap: f64) -> f64 {
        let free = if speed > wanted {
            // Too fast for here: comfortable braking, no harder.
            (-self.braking_mps2 * (speed / wanted.max(0.1) - 1.0) * 4.0).max(-1.3 * self.braking_mps2)
        } else {
            self.acceleration_mps2 * (1.0 - (speed / wanted.max(0.1)).powi(4))
        };
        let approach = speed * (speed - leader) / (2.0 * (self.acceleration_mps2 * self.braking_mps2).sqrt());
        let wanted_gap = standstill_gap + (speed * self.headway_s + approach).max(0.0);
        (free - self.acceleration_mps2 * (wanted_gap / gap.max(0.2)).powi(2)).max(-HARDEST_MPS2)
    }

    /// Acceleration towards a line at which to stand: constant braking, that ends there.
    pub fn halt(&self, speed: f64, way: f64) -> f64 {
        if way < 0.3 && speed < 0.6 {
            return -1.0;
        }
        let way = way.max(0.05);
        let needed = speed * speed / (2.0 * way);
        if needed > 0.7 * self.braking_mps2 {
            -needed.min(HARDEST_MPS2)
        } else {
            // Still far: as behind somebody who stands.
            self.follow(speed, 100.0, way + 1.0, 0.0, 1.0).max(-needed.max(0.5 * self.braking_mps2))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIVER: Driver = Driver { acceleration_mps2: 1.6, braking_mps2: 2.2, headway_s: 1.3, gap_m: 2.5 };

    #[test]
    fn followers_keep_their_distance() {
        // In equilibrium behind an equally fast car the acceleration is zero where the model's wanted gap says.
        let (speed, wanted) = (10.0_f64, 14.0_f64);
        let gap = (2.5 + 1.3 * speed) / (1.0 - (speed / wanted).powi(4)).sqrt();
        assert!(DRIVER.follow(speed, wanted, gap, speed, 2.5).abs() < 1e-9);
        assert!(DRIVER.follow(speed, wanted, 0.5 * gap, speed, 2.5) < -1.0);
    }

    #[test]
    fn a_car_halts_at_its_line() {
        for start in [3.0, 8.0, 14.0] {
            let (mut speed, mut way) = (start, 60.0_f64);
            let mut hardest: f64 = 0.0;
            for _ in 0..6000 {
                let acceleration = DRIVER.halt(speed, way);
                hardest = hardest.min(acceleration);
                speed = (speed + 0.01 * acceleration).max(0.0);
                way -= 0.01 * speed;
            }
            assert!((-0.1..1.0).contains(&way) && speed < 0.02, "{start}: {way} {speed}");
            assert!(hardest > -3.0, "{start}: {hardest}");
        }
    }
}
