extension [String] {
    /// How many warnings are kept. An image decides how many there would be, and each has a name that may be long.
    static var warningLimit: Int { 1000 }

    /// Adds a warning; after the last that is kept, one that says so.
    mutating func add(_ warning: @autoclosure () -> String) {
        if count > Self.warningLimit { return }
        append(count == Self.warningLimit ? "there are more warnings, which are left out" : warning())
    }
}
