import CKernel
package import Diagnostics

/// The size of a terminal in characters.
package struct WindowSize: Equatable, Sendable {
    package var rows: UInt16
    package var columns: UInt16
    package init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

/// Settings of a terminal to be put back later.
package struct TerminalSettings: Sendable {
    fileprivate var bytes = [UInt8](repeating: 0, count: Int(KERNEL_TERMINAL_SETTINGS_SIZE))
}

extension FileDescriptor {
    package borrowing func isTerminal() -> Bool { kernel_is_terminal(raw) == 1 }
    /// Lets the other end of this master be opened.
    package borrowing func unlockTerminal() throws(Errno) { try check(kernel_unlock_terminal(raw)) }
    /// N of /dev/pts/N for this master.
    package borrowing func terminalNumber() throws(Errno) -> Int32 { try check(kernel_terminal_number(raw)) }
    /// The other end of this master, opened without a path, so that no forged name can stand in.
    package borrowing func terminalPeer() throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try check(kernel_terminal_peer(raw, O_RDWR | O_NOCTTY | O_CLOEXEC)))
    }
    /// Makes this terminal that of the calling process' session: the request `controllingTerminalRequest`.
    package borrowing func becomeControllingTerminal() throws(Errno) { try check(kernel_set_controlling_terminal(raw)) }
    package borrowing func windowSize() throws(Errno) -> WindowSize {
        var window = kernel_window()
        try check(unsafe kernel_get_window(raw, &window))
        return WindowSize(rows: window.rows, columns: window.columns)
    }
    package borrowing func setWindowSize(_ size: WindowSize) throws(Errno) { try check(kernel_set_window(raw, kernel_window(rows: size.rows, columns: size.columns))) }
    package borrowing func clearNewlineTranslation() throws(Errno) { try check(kernel_clear_newline_translation(raw)) }
    /// Makes the terminal raw and answers what it was.
    package borrowing func makeRaw() throws(Errno) -> TerminalSettings {
        var saved = TerminalSettings()
        let number = raw
        try check(unsafe saved.bytes.withUnsafeMutableBytes { unsafe kernel_make_raw(number, $0.baseAddress) })
        return saved
    }
    package borrowing func restoreTerminal(_ settings: TerminalSettings) throws(Errno) {
        let number = raw
        try check(unsafe settings.bytes.withUnsafeBytes { unsafe kernel_restore_terminal(number, $0.baseAddress) })
    }
}

/// `TIOCSCTTY`. Source: ioctl_tty(2).
package var controllingTerminalRequest: UInt64 { 0x540E }
