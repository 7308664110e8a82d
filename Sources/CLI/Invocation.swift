package import Diagnostics

/// What a command line asks for.
package enum Request: Equatable, Sendable {
    case run(Invocation)
    /// Help for a command, or for the program.
    case help(Command?)
    case version
    case completion(Shell)
    /// The names of all manual pages.
    case manPages
    /// The page of a command, or of the program.
    case manPage(Command?)
}

/// A command with its options and arguments, as somebody called it.
package struct Invocation: Equatable, Sendable {
    /// The name under which the program was called.
    package let programName: String
    package let command: Command
    /// The global options, wherever they stood.
    package let global: OptionValues
    /// The options of the command.
    package let options: OptionValues
    /// As many as the command declares, in order.
    package let positionals: [String]
    /// What stood after "--", for commands that keep it apart; nil without "--".
    package let trailing: [String]?
}

/// The options that were given, by name. Asking for a name that is not declared is a programming mistake.
package struct OptionValues: Equatable, Sendable {
    private let declared: [Option]
    private var given: [Given] = []

    private struct Given: Equatable, Sendable {
        let name: String
        var values: [String]
    }

    init(_ declared: [Option]) { self.declared = declared }

    mutating func record(_ value: String, for option: Option) {
        if let index = given.firstIndex(where: { $0.name == option.name }) {
            given[index].values = option.isRepeatable ? given[index].values + [value] : [value]
        } else {
            given.append(Given(name: option.name, values: [value]))
        }
    }

    /// Whether the switch `name` is on (`--name=false` turns it off), or the option `name` was given.
    package func isSet(_ name: String) -> Bool {
        let option = declaration(name)
        guard let last = values(name).last else { return false }
        return option.isSwitch ? last == "true" : true
    }

    /// The value of the option `name`, the last one given.
    package func value(_ name: String) -> String? { values(name).last }

    /// All values of the option `name`, in order; more than one for repeatable options only.
    package func values(_ name: String) -> [String] {
        _ = declaration(name)
        return given.first { $0.name == name }?.values ?? []
    }

    /// The value of the option `name` as a whole number.
    ///
    /// - Throws: `.invalid` when it is no decimal number, or lies outside of `range`.
    package func integer<Integer: FixedWidthInteger & Sendable>(
        _ name: String, in range: ClosedRange<Integer>
    ) throws(OperationError) -> Integer? {
        guard let text = value(name) else { return nil }
        if let number = Integer(text), range.contains(number) { return number }
        let why =
            isDecimal(text)
            ? "\(text) is out of range (\(range.lowerBound) to \(range.upperBound))" : quoted(text) + " is not a whole number"
        throw OperationError("read option", "--" + name, .invalid(why))
    }

    private func declaration(_ name: String) -> Option {
        guard let option = declared.first(where: { $0.name == name }) else {
            preconditionFailure("an option that is not declared was asked for")
        }
        return option
    }
}

/// Whether `text` is digits with an optional sign.
private func isDecimal(_ text: String) -> Bool {
    var digits = text.utf8[...]
    if digits.first == UInt8(ascii: "-") || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    return !digits.isEmpty && digits.allSatisfy { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }
}
