# Everything that CI runs, with the same script.
check:
    bash .ci/run

# The main job on the drive in the repository.
replay:
    cargo run --release -- replay

# Our own drive against its reference; `just check-drives --update` after a change that is wanted.
check-drives *options:
    cargo run --release -- check recordings/drives --against recordings/references {{options}}

# Formatting as CI wants it.
format:
    cargo fmt --all

# The benches of the rooms.
bench:
    cargo bench

# Everything that needs an NVIDIA GPU: parity, repeats, latency tables into benches/results.
gpu-check:
    bash .ci/gpu-check

# Fifty drives killed at random moments.
kills:
    CHAUFFEUR_KILLS=50 cargo test --release --test kills -- --nocapture

# The log: writing, reading, control's jitter.
bench-log:
    cargo run --release -- bench log

# Ten minutes of a simulated car in real time, and the faithful replay of its log: `just drive urban`, `just drive yard`.
drive scenario="urban" *options:
    cargo run --release -- bench drive {{scenario}} {{options}}
