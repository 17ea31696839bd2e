//! The `chauffeur` program.

fn main() -> std::process::ExitCode {
    chauffeur::command_line::main()
}
