// Manual pages in the macros of man(7), which both groff and mandoc read.
// Everything comes from the declaration of the program: a page for it, and one for each command.
// What the terminal shows for --help is Help.swift.

extension Program {
    /// The page NAME(1) of the program.
    package func manPage() -> String {
        var page = ManPageText(title: name, source: name + " " + version, manual: summary)
        page.section("NAME")
        page.text(name + " - " + summary)
        page.section("SYNOPSIS")
        page.synopsis(name, "[global options] COMMAND [options] [arguments]")
        page.section("DESCRIPTION")
        for paragraph in discussion { page.paragraph(declaredName(paragraph)) }
        page.section("COMMANDS")
        for command in visibleCommands { page.term(name + "-" + command.name + "(1)", command.summary) }
        page.section("GLOBAL OPTIONS")
        for option in visibleGlobalOptions { page.option(option, declaredName) }
        examplesSection(examples, on: &page)
        terms(exitStatuses, as: "EXIT STATUS", on: &page)
        terms(environment, as: "ENVIRONMENT", on: &page)
        terms(files, as: "FILES", on: &page)
        for chapter in chapters {
            page.section(chapter.heading)
            for paragraph in chapter.paragraphs { page.paragraph(declaredName(paragraph)) }
            for term in chapter.terms { page.term(term.name, declaredName(term.meaning)) }
        }
        page.section("SEE ALSO")
        page.text(joined(visibleCommands.map { name + "-" + $0.name + "(1)" }, ", "))
        return page.roff
    }

    /// The page NAME-COMMAND(1) of a command.
    package func manPage(for command: Command) -> String {
        let title = name + "-" + command.name
        var page = ManPageText(title: title, source: name + " " + version, manual: summary)
        page.section("NAME")
        page.text(title + " - " + command.summary)
        page.section("SYNOPSIS")
        page.synopsis(name, "[global options] " + command.synopsis)
        if !command.discussion.isEmpty {
            page.section("DESCRIPTION")
            for paragraph in command.discussion { page.paragraph(declaredName(paragraph)) }
        }
        let arguments = command.arguments + (command.trailing.map { [$0] } ?? [])
        if !arguments.isEmpty {
            page.section("ARGUMENTS")
            for argument in arguments { page.term(argument.name, declaredName(helpMeaning(argument))) }
        }
        page.section("OPTIONS")
        for option in command.visibleOptions + [.help] { page.option(option, declaredName) }
        examplesSection(command.examples, on: &page)
        terms(command.exitStatuses.isEmpty ? usualExitStatuses : command.exitStatuses, as: "EXIT STATUS", on: &page)
        if !isBuiltIn(command) {
            terms(command.environment, as: "ENVIRONMENT", on: &page)
            terms(command.files.isEmpty ? files : command.files, as: "FILES", on: &page)
        }
        page.section("SEE ALSO")
        page.text(joined([name + "(1)"] + command.seeAlso.map { name + "-" + $0 + "(1)" }, ", "))
        return page.roff
    }

    /// The names of all pages, as `man` looks for them: that of the program first.
    package func manPageNames() -> String { ([name] + visibleCommands.map { name + "-" + $0.name }).reduce("") { $0 + $1 + "\n" } }

    /// A page is about the program under its own name, whatever a link to it is called.
    private func declaredName(_ text: String) -> String { replacing("%prog", in: text, by: name) }

    private func examplesSection(_ examples: [Example], on page: inout ManPageText) {
        if examples.isEmpty { return }
        page.section("EXAMPLES")
        for example in examples { page.example(declaredName(example.purpose), declaredName(example.line)) }
    }

    private func terms(_ terms: [Term], as heading: String, on page: inout ManPageText) {
        if terms.isEmpty { return }
        page.section(heading)
        for term in terms { page.term(term.name, declaredName(term.meaning)) }
    }
}

/// Writes the requests of man(7).
private struct ManPageText {
    private(set) var roff: String
    /// A heading is a paragraph's beginning already.
    private var isAfterHeading = false

    init(title: String, source: String, manual: String) {
        // The date is left empty: a page that is made anew each time has none, and builds stay reproducible.
        roff = ".TH " + argument(title.uppercased()) + " 1 \"\" " + argument(source) + " " + argument(manual) + "\n"
        roff += ".nh\n.ad l\n"
    }

    mutating func section(_ heading: String) {
        roff += ".SH " + argument(heading) + "\n"
        isAfterHeading = true
    }

    mutating func text(_ text: String) {
        roff += escapedLine(text) + "\n"
        isAfterHeading = false
    }

    private mutating func beginParagraph() {
        if !isAfterHeading { roff += ".PP\n" }
        isAfterHeading = false
    }

    mutating func paragraph(_ paragraph: String) {
        beginParagraph()
        if paragraph.hasPrefix("  ") {
            verbatim(paragraph)
        } else {
            text(paragraph)
        }
    }

    mutating func synopsis(_ name: String, _ rest: String) {
        roff += ".B " + argument(name) + "\n"
        text(rest)
    }

    mutating func term(_ name: String, _ meaning: String) {
        isAfterHeading = false
        roff += ".TP\n.B " + argument(name) + "\n"
        text(meaning)
    }

    mutating func option(_ option: Option, _ named: (String) -> String) {
        var names = option.letter.map { "\\fB\\-" + String($0) + "\\fR, " } ?? ""
        names += "\\fB\\-\\-" + roffEscaped(option.name) + "\\fR"
        if let value = option.value { names += " \\fI" + roffEscaped(value) + "\\fR" }
        roff += ".TP\n" + names + "\n"
        text(named(option.notes.isEmpty ? option.help : option.help + " " + option.notes))
    }

    mutating func example(_ purpose: String, _ line: String) {
        beginParagraph()
        text(purpose + ":")
        beginParagraph()
        roff += ".RS 4\n"
        verbatim(line)
        roff += ".RE\n"
    }

    private mutating func verbatim(_ text: String) {
        roff += ".nf\n"
        for line in lines(of: text) { self.text(line) }
        roff += ".fi\n"
    }
}

/// `text` as one argument of a request.
private func argument(_ text: String) -> String { "\"" + replacing("\"", in: roffEscaped(text), by: "\\(dq") + "\"" }

/// `text` as a line of its own, which must not look like a request.
private func escapedLine(_ text: String) -> String {
    let line = roffEscaped(text)
    return line.hasPrefix(".") || line.isEmpty ? "\\&" + line : line
}

/// `text` with everything that roff would read as something else: people copy options and paths from manual pages.
private func roffEscaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\\": out += "\\e"
        case "-": out += "\\-"
        case "'": out += "\\(aq"
        case "`": out += "\\(ga"
        case "^": out += "\\(ha"
        case "~": out += "\\(ti"
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out
}

extension String {
    /// ASCII letters as capitals.
    fileprivate func uppercased() -> String {
        String(decoding: utf8.map { UInt8(ascii: "a") <= $0 && $0 <= UInt8(ascii: "z") ? $0 - 32 : $0 }, as: UTF8.self)
    }
}
