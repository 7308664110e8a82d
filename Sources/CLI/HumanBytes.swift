/// A number of bytes for people, in powers of 1000: "999 B", "1.4 MB", "142 GB". One digit behind the point below 100.
package func humanBytes(_ count: UInt64) -> String {
    if count < 1000 { return "\(count) B" }
    var unit: UInt64 = 1000
    var index = 0
    let names = ["kB", "MB", "GB", "TB", "PB", "EB"]
    while count / unit >= 1000 && index < names.count - 1 {
        unit *= 1000
        index += 1
    }
    // Rounded without ever exceeding 64 bits: the remainder is below 10^18.
    let (whole, rest) = count.quotientAndRemainder(dividingBy: unit)
    let tenths = whole * 10 + (rest * 10 + unit / 2) / unit
    if tenths < 1000 { return "\(tenths / 10).\(tenths % 10) " + names[index] }
    let rounded = whole + (rest >= unit / 2 ? 1 : 0)
    return rounded < 1000 ? "\(rounded) " + names[index] : "1.0 " + names[index + 1]
}

/// A time for people: "7 s", "2 min 5 s", "3 h 20 min".
package func humanSeconds(_ count: UInt64) -> String {
    switch count {
    case 0..<60: "\(count) s"
    case 60..<3600: "\(count / 60) min \(count % 60) s"
    default: "\(count / 3600) h \(count / 60 % 60) min"
    }
}
