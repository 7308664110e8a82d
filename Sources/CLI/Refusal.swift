// The words for command lines that are not understood: what was read, why it is refused, what was probably meant, and
// where to read more.
import Diagnostics

extension Parser {
    /// An error about `subject`, with the name that was probably meant and the place to read more as its hint.
    func refusal(_ operation: String, _ subject: String, _ why: String, near: String? = nil) -> OperationError {
        refusal(operation, subject, why, advice: near.map { "did you mean " + $0 + "?" })
    }

    private func refusal(_ operation: String, _ subject: String, _ why: String, advice: String?) -> OperationError {
        var hint = "see " + program.invokedName + " "
        if let command { hint += command.name + " " }
        hint += "--help"
        return OperationError(operation, subject, .invalid(why), hint: advice.map { $0 + " " + hint } ?? hint)
    }

    func unknownCommand(_ name: String) -> OperationError {
        if name.isEmpty { return refusal("read command", "", "its name is empty") }
        let near = suggestion(for: name, among: program.visibleCommands.flatMap { [$0.name] + $0.aliases.filter { $0.utf8.count > 1 } })
        return refusal("read command", name, "no such command", near: near)
    }

    /// - Parameters:
    ///   - written: the option with its dashes.
    ///   - group: the argument it stands in, when that holds other letters too.
    func unknownOption(_ written: String, in group: String? = nil) -> OperationError {
        var why = "no such option"
        if let group, group != written { why += " (in " + quoted(group) + ")" }
        let owners = owners(of: written)
        if !owners.isEmpty {
            let place = command == nil ? "put it after the command: " : "it is an option of "
            return refusal("read option", written, why, advice: place + joined(owners, ", ") + ";")
        }
        let known = (command?.visibleOptions ?? []) + program.visibleGlobalOptions.filter { command == nil || $0 != .version }
        let typed = "--" + String(written.drop { $0 == "-" })
        let near = typed.utf8.count > 3 ? suggestion(for: typed, among: known.flatMap { $0.longNames }) : nil
        if near == nil, let advice = command?.advice { return refusal("read option", written, why, advice: advice + ";") }
        return refusal("read option", written, why, near: near)
    }

    func tooMany(_ text: String, _ most: Int) -> OperationError {
        let why =
            switch most {
            case 0: "no argument is expected"
            case 1: "only one argument is expected"
            default: "only \(most) arguments are expected"
            }
        if let trailing = command?.trailing { return refusal("read argument", text, why, advice: trailing.name + " stands behind \"--\";") }
        return refusal("read argument", text, why, advice: command?.advice.map { $0 + ";" })
    }

    func notAmong(_ words: [String], _ text: String) -> String { quoted(text) + " is not " + alternatives(words) }

    /// The commands that have the option `written`.
    private func owners(of written: String) -> [String] {
        let long = written.hasPrefix("--") || written.unicodeScalars.count > 2 ? "--" + String(written.drop { $0 == "-" }) : written
        return program.visibleCommands.filter { $0.visibleOptions.contains { $0.allNames.contains(long) } }.map { $0.name }
    }
}
