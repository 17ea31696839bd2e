//! What the kernel says of its own clock (`adjtimex(2)`, read only). NTP daemons set it, and so does `phc2sys` of PTP.

/// State of the kernel's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelClock {
    /// Whether somebody keeps it in step.
    pub synchronised: bool,
    /// Estimated error, s.
    pub estimated_error_s: f64,
    /// Largest error, s: grows while nobody corrects the clock.
    pub maximum_error_s: f64,
}

/// Asks the kernel.
///
/// # Errors
/// The kernel does not tell.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn kernel_clock() -> std::io::Result<KernelClock> {
    // SAFETY: all fields of the structure are integers, for which zero is a value; `modes` zero changes nothing.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a structure of ours that lives through the call.
    let code = unsafe { libc::adjtimex(&raw mut state) };
    if code < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(KernelClock {
        synchronised: code != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0,
        estimated_error_s: state.esterror as f64 * 1e-6,
        maximum_error_s: state.maxerror as f64 * 1e-6,
    })
}

/// Asks the kernel.
///
/// # Errors
/// Always: only Linux tells.
#[cfg(not(target_os = "linux"))]
pub fn kernel_clock() -> std::io::Result<KernelClock> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_tells() {
        let clock = super::kernel_clock().unwrap();
        assert!(clock.estimated_error_s >= 0.0 && clock.maximum_error_s >= 0.0, "{clock:?}");
    }
}
