/// The candidate that `typed` was most likely meant to be; nil when none is near.
///
/// Near is a third of the letters wrong, missing, added or swapped with their neighbour; a beginning of two letters or more
/// counts as near as well.
func suggestion(for typed: String, among candidates: [String]) -> String? {
    var best: String?
    var bestDistance = Int.max
    for candidate in candidates {
        let limit = max(1, max(typed.utf8.count, candidate.utf8.count) / 3)
        var distance = editDistance(Array(typed.utf8), Array(candidate.utf8))
        if typed.utf8.count > 1 && candidate.hasPrefix(typed) { distance = min(distance, 1) }
        if distance <= limit && distance < bestDistance && distance < candidate.utf8.count {
            best = candidate
            bestDistance = distance
        }
    }
    return best
}

/// How many insertions, removals, replacements and swaps of neighbours turn `a` into `b` (optimal string alignment).
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    // names are short; a longer text is near to nothing
    if a.count > 64 || b.count > 64 { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1...a.count {
        var current = [Int](repeating: i, count: b.count + 1)
        for j in 1...b.count {
            let replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
            current[j] = min(last[j] + 1, current[j - 1] + 1, replaced)
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                current[j] = min(current[j], beforeLast[j - 2] + 1)
            }
        }
        beforeLast = last
        last = current
    }
    return last[b.count]
}
