extension Program {
    /// What the program is for, its commands and its global options, for a terminal of `width` columns.
    package func helpText(style: Style = .plain, width: Int = 80) -> String {
        var page = TextLayout(width: width)
        page.paragraph(invokedName + " - " + summary)
        page.line()
        page.line(style.strong("Usage:") + " " + invokedName + " [global options] COMMAND [options] [arguments]")
        discuss(discussion, on: &page)
        page.line()
        page.line(style.strong("Commands:"))
        page.terms(visibleCommands.map { ($0.name, $0.summary) }, style: style)
        page.line()
        page.line(style.strong("Global options:"))
        page.terms(visibleGlobalOptions.map { helpTerm($0) }, style: style)
        exemplify(examples, on: &page, style: style)
        list(exitStatuses, as: "Exit status:", on: &page, style: style)
        list(environment, as: "Environment:", on: &page, style: style)
        list(files, as: "Files:", on: &page, style: style)
        page.line()
        page.paragraph("Use \"" + invokedName + " COMMAND --help\" to read about a command.")
        return page.text
    }

    /// What `command` does and how it is called, for a terminal of `width` columns.
    package func helpText(for command: Command, style: Style = .plain, width: Int = 80) -> String {
        var page = TextLayout(width: width)
        page.paragraph(invokedName + " " + command.name + " - " + command.summary)
        page.line()
        page.line(style.strong("Usage:") + " " + invokedName + " [global options] " + command.synopsis)
        discuss(command.discussion, on: &page)
        let arguments = command.arguments + (command.trailing.map { [$0] } ?? [])
        if !arguments.isEmpty {
            page.line()
            page.line(style.strong("Arguments:"))
            page.terms(arguments.map { ($0.name, named(helpMeaning($0))) }, style: style)
        }
        page.line()
        page.line(style.strong("Options:"))
        page.terms((command.visibleOptions + [.help]).map { helpTerm($0) }, style: style)
        exemplify(command.examples, on: &page, style: style)
        page.line()
        // U+00A0 keeps a command line together
        let next = command.seeAlso.map { "\"" + invokedName + "\u{A0}" + $0 + "\u{A0}--help\", " }
        page.paragraph("See also: " + joined(next, "") + "\"" + invokedName + "\u{A0}--help\" for the global options.")
        return page.text
    }

    private func discuss(_ paragraphs: [String], on page: inout TextLayout) {
        for paragraph in paragraphs {
            page.line()
            page.paragraph(named(paragraph))
        }
    }

    private func exemplify(_ examples: [Example], on page: inout TextLayout, style: Style) {
        if examples.isEmpty { return }
        page.line()
        page.line(style.strong("Examples:"))
        for example in examples {
            page.paragraph("# " + named(example.purpose), indent: 2)
            for line in lines(of: named(example.line)) { page.line("  " + line) }
        }
    }

    private func list(_ terms: [Term], as heading: String, on page: inout TextLayout, style: Style) {
        if terms.isEmpty { return }
        page.line()
        page.line(style.strong(heading))
        page.terms(terms.map { ($0.name, named($0.meaning)) }, style: style)
    }

    private func helpTerm(_ option: Option) -> (name: String, meaning: String) {
        let left = (option.letter.map { "-" + String($0) + ", " } ?? "    ") + option.synopsis
        return (left, named(option.notes.isEmpty ? option.help : option.help + " " + option.notes))
    }
}

/// What help says about an argument, its words included.
func helpMeaning(_ argument: Argument) -> String {
    argument.words.isEmpty ? argument.help : argument.help + " (" + alternatives(argument.words) + ")"
}
