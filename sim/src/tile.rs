//! A square of the ground: for the corner of each small cell the distance to the edge of the road and to the edge of the nearest
//! paint, so that both are sharp between the corners (Green, 2007).

pub const CELL_M: f64 = 0.125;
pub const CELLS: usize = 64;
pub const TILE_M: f64 = CELL_M * CELLS as f64;
/// Corners in a row of a tile: neighbours share theirs.
const CORNERS: usize = CELLS + 1;
/// Steps of a stored distance per metre.
const STEPS_PER_M: f32 = 100.0;
/// Greatest stored distance, m.
pub const FAR_M: f32 = 1.27;
/// Surfaces that are nearer to each other than twice this are one, m.
const JOIN_M: f32 = 0.04;

/// What the ground is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    Grass,
    Asphalt,
    Bicycle,
    Concrete,
    Sidewalk,
}

/// A piece of a surface.
#[derive(Clone, Debug)]
pub struct Outline {
    pub corners: Vec<[f64; 2]>,
    /// For each corner: whether the edge that begins there is a kerb.
    pub kerb: Vec<bool>,
    pub material: Material,
}

/// The lower corner of a cell, and the cell.
#[derive(Clone, Copy, Debug)]
struct Corner {
    /// Distance to the edge of the road, positive beyond it, in steps.
    edge: i8,
    /// Distance to the edge of paint, positive inside, in steps.
    paint: i8,
    material: Material,
    /// Whether the road ends at a kerb there.
    kerb: bool,
}

/// A square of the ground.
#[derive(Clone, Debug)]
pub struct Tile {
    corners: Vec<Corner>,
    /// The greatest of a cell's distances to the edge of the road and to the edge of paint. Whatever is not asphalt counts as edge.
    bare: Vec<[i8; 2]>,
}

/// What a tile says about a place.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Distance to the edge of the road, positive beyond it, m.
    pub edge: f32,
    /// Distance to the edge of paint, positive inside, m.
    pub paint: f32,
    pub material: Material,
    /// Whether the road ends at a kerb there.
    pub kerb: bool,
    around: [[i8; 2]; 4],
    within: [f32; 2],
}

impl Sample {
    /// Grass, far from all roads.
    pub const MEADOW: Self = Self {
        edge: FAR_M,
        paint: -FAR_M,
        material: Material::Grass,
        kerb: false,
        around: [[0; 2]; 4],
        within: [0.0; 2],
    };

    /// How the distance to the edge of the road changes along x and y.
    pub fn edge_slope(&self) -> [f32; 2] {
        self.slope(0)
    }

    /// How the distance to the edge of paint changes along x and y.
    pub fn paint_slope(&self) -> [f32; 2] {
        self.slope(1)
    }

    fn slope(&self, of: usize) -> [f32; 2] {
        let [a, b, c, d] = self.around.map(|corner| f32::from(corner[of]));
        let [right, down] = self.within;
        let per_step = 1.0 / (STEPS_PER_M * CELL_M as f32);
        let along_x = (b - a) * (1.0 - down) + (d - c) * down;
        let along_y = (c + (d - c) * right) - (a + (b - a) * right);
        [along_x * per_step, along_y * per_step]
    }
}

impl Tile {
    /// At a place within a cell, both parts from 0 to 1.
    #[inline(always)]
    pub fn sample(&self, column: usize, row: usize, within: [f32; 2]) -> Sample {
        let place = row * CORNERS + column;
        let ([a, b], [c, d]) = (self.pair(place), self.pair(place + CORNERS));
        let [right, down] = within;
        let blend = |a: i8, b: i8, c: i8, d: i8| {
            let [a, b, c, d] = [f32::from(a), f32::from(b), f32::from(c), f32::from(d)];
            let (upper, lower) = (a + (b - a) * right, c + (d - c) * right);
            (upper + (lower - upper) * down) * (1.0 / STEPS_PER_M)
        };
        Sample {
            edge: blend(a.edge, b.edge, c.edge, d.edge),
            paint: blend(a.paint, b.paint, c.paint, d.paint),
            material: a.material,
            kerb: a.kerb,
            around: [[a.edge, a.paint], [b.edge, b.paint], [c.edge, c.paint], [d.edge, d.paint]],
            within,
        }
    }

    /// How far a cell of asphalt is from all borders and from all paint, at least, m; negative if it is not.
    #[inline(always)]
    pub fn room(&self, column: usize, row: usize) -> [f32; 2] {
        self.bare[row * CELLS + column].map(|steps| f32::from(steps) * (-1.0 / STEPS_PER_M))
    }

    #[inline(always)]
    fn pair(&self, place: usize) -> [Corner; 2] {
        let pair = &self.corners[place..place + 2];
        [pair[0], pair[1]]
    }
}

/// A tile while it is drawn.
pub struct Drawing {
    corner: [f64; 2],
    edge: Vec<f32>,
    paint: Vec<f32>,
    /// Square of the distance to the nearest border, and whether it is a kerb.
    kerb: Vec<(f32, bool)>,
    material: Vec<Material>,
    /// Square of the distance to the border of the outline that is being drawn.
    near: Vec<f32>,
}

impl Drawing {
    pub fn new(corner: [f64; 2]) -> Self {
        let corners = CORNERS * CORNERS;
        Self {
            corner,
            edge: vec![FAR_M; corners],
            paint: vec![-FAR_M; corners],
            kerb: vec![(f32::INFINITY, false); corners],
            material: vec![Material::Grass; CELLS * CELLS],
            near: vec![FAR_M * FAR_M; corners],
        }
    }

    /// Corners of cells around a box, as ranges of columns and rows.
    fn around(&self, points: &[[f64; 2]], reach: f64) -> [[usize; 2]; 2] {
        [0, 1].map(|axis| {
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for point in points {
                (low, high) = (low.min(point[axis]), high.max(point[axis]));
            }
            let cell = |value: f64| (value - self.corner[axis]) / CELL_M;
            let most = CORNERS as f64;
            [
                cell(low - reach).ceil().clamp(0.0, most) as usize,
                (cell(high + reach).floor() + 1.0).clamp(0.0, most) as usize,
            ]
        })
    }

    fn at(&self, column: usize, row: usize) -> [f64; 2] {
        [self.corner[0] + column as f64 * CELL_M, self.corner[1] + row as f64 * CELL_M]
    }

    pub fn add_outline(&mut self, outline: &Outline) {
        let corners = &outline.corners;
        let [wide, high] = self.around(corners, f64::from(FAR_M));
        for row in high[0]..high[1] {
            self.near[row * CORNERS + wide[0]..row * CORNERS + wide[1]].fill(FAR_M * FAR_M);
        }
        let is_road = outline.material != Material::Sidewalk;
        for index in 0..corners.len() {
            let (a, b) = (corners[index], corners[(index + 1) % corners.len()]);
            let [columns, rows] = self.around(&[a, b], f64::from(FAR_M));
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let per_square = 1.0 / (dx * dx + dy * dy).max(1e-12);
            for row in rows[0]..rows[1] {
                for column in columns[0]..columns[1] {
                    let [x, y] = self.at(column, row);
                    let share = (((x - a[0]) * dx + (y - a[1]) * dy) * per_square).clamp(0.0, 1.0);
                    let (right, up) = (x - a[0] - share * dx, y - a[1] - share * dy);
                    let apart = (right * right + up * up) as f32;
                    let place = row * CORNERS + column;
                    self.near[place] = self.near[place].min(apart);
                    if is_road && apart < self.kerb[place].0 {
                        self.kerb[place] = (apart, outline.kerb[index]);
                    }
                }
            }
        }
        let mut crossings: Vec<f64> = Vec::new();
        for row in high[0]..high[1] {
            let y = self.at(0, row)[1];
            crossings.clear();
            let mut before = corners[corners.len() - 1];
            for corner in corners {
                if (corner[1] > y) != (before[1] > y) {
                    crossings.push(corner[0] + (before[0] - corner[0]) * (y - corner[1]) / (before[1] - corner[1]));
                }
                before = *corner;
            }
            crossings.sort_by(f64::total_cmp);
            for column in wide[0]..wide[1] {
                let place = row * CORNERS + column;
                let x = self.at(column, row)[0];
                let inside = crossings.iter().filter(|crossing| **crossing <= x).count() % 2 == 1;
                let near = self.near[place].sqrt();
                let signed = if inside { -near } else { near };
                if is_road {
                    self.edge[place] = self.edge[place].min((signed - JOIN_M).max(-FAR_M));
                }
                if signed < JOIN_M && row < CELLS && column < CELLS {
                    self.material[row * CELLS + column] = outline.material;
                }
            }
        }
    }

    pub fn add_patch(&mut self, patch: &[[f64; 2]]) {
        let [columns, rows] = self.around(patch, 0.4);
        let edges: Vec<([f64; 2], [f64; 2])> = (0..patch.len())
            .filter_map(|index| {
                let (a, b) = (patch[index], patch[(index + 1) % patch.len()]);
                let length = (b[0] - a[0]).hypot(b[1] - a[1]);
                // Counter-clockwise: the inside is to the left.
                (length > 1e-6).then(|| (a, [-(b[1] - a[1]) / length, (b[0] - a[0]) / length]))
            })
            .collect();
        for row in rows[0]..rows[1] {
            for column in columns[0]..columns[1] {
                let [x, y] = self.at(column, row);
                let inner =
                    edges.iter().map(|(a, n)| (x - a[0]) * n[0] + (y - a[1]) * n[1]).fold(f64::INFINITY, f64::min);
                let place = row * CORNERS + column;
                self.paint[place] = self.paint[place].max(inner as f32);
            }
        }
    }

    pub fn finish(self) -> Tile {
        let steps = |value: f32| (value.clamp(-FAR_M, FAR_M) * STEPS_PER_M).round() as i8;
        let is_kerb = |column: usize, row: usize| {
            self.kerb[row * CORNERS + column].1 || self.material_of(column, row) == Material::Sidewalk || {
                // The stone between road and sidewalk belongs to the road's outline.
                let beside = |column: usize, row: usize| self.material_of(column, row) == Material::Sidewalk;
                beside(column + 1, row)
                    || beside(column, row + 1)
                    || beside(column.saturating_sub(1), row)
                    || beside(column, row.saturating_sub(1))
            }
        };
        let corners = (0..CORNERS * CORNERS).map(|place| {
            let (column, row) = (place % CORNERS, place / CORNERS);
            let (material, kerb) = (self.material_of(column, row), is_kerb(column, row));
            Corner { edge: steps(self.edge[place]), paint: steps(self.paint[place]), material, kerb }
        });
        let corners: Vec<Corner> = corners.collect();
        let bare = (0..CELLS * CELLS).map(|cell| {
            let first = cell / CELLS * CORNERS + cell % CELLS;
            let around = [0, 1, CORNERS, CORNERS + 1].map(|step| corners[first + step]);
            let most = |of: fn(&Corner) -> i8| around.iter().map(of).max().unwrap_or(i8::MAX);
            let is_asphalt = corners[first].material == Material::Asphalt;
            [if is_asphalt { most(|corner| corner.edge) } else { i8::MAX }, most(|corner| corner.paint)]
        });
        Tile { bare: bare.collect(), corners }
    }

    /// The material of a cell, or of the last one before the tile's end.
    fn material_of(&self, column: usize, row: usize) -> Material {
        self.material[row.min(CELLS - 1) * CELLS + column.min(CELLS - 1)]
    }
}
