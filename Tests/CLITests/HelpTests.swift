@testable import CLI
import Testing

@Suite struct HelpTests {
    @Test func program() {
        #expect(demo.helpText() == """
            demo - show what a declaration can say

            Usage: demo [global options] COMMAND [options] [arguments]

            demo does nothing at all.

              first line
              'second' line

            Commands:
              create      make a container
              exec        run a program in a container
              run         run a bundle
              kill        send a signal
              list        list them
              spec        write a configuration
              mounts      change mounts
              help        show help for a command
              completion  print a script that completes commands and options in a shell
              man         print a manual page

            Global options:
                  --root DIR           directory for the state (default: /run/demo)
                  --log-format FORMAT  how lines look (text or json; default: text)
                  --debug              tell more
                  --rootless WHEN      whether to do without root (auto, true or false)
              -h, --help               show help and do nothing else
              -v, --version            show the version and do nothing else

            Examples:
              # look around
              demo list

            Exit status:
              0  all went well

            Environment:
              NO_COLOR  no bold

            Files:
              /run/demo  state

            Use "demo COMMAND --help" to read about a command.

            """)
    }

    @Test func command() throws {
        let create = try #require(demo.command(named: "create"))
        #expect(demo.called("./x/runc").helpText(for: create) == """
            runc create - make a container

            Usage: runc [global options] create [options] CONTAINER

            Makes a container. "runc start" starts it.

            Arguments:
              CONTAINER  the id

            Options:
              -b, --bundle DIR            the bundle (default: the current directory)
              -f, --config FILE           the configuration
                  --preserve-fds N        hand on N descriptors (also --keep-fds)
              -a, --annotation KEY=VALUE  attach a note: [one] for each use (may be
                                          repeated)
              -h, --help                  show help and do nothing else

            Examples:
              # make one
              runc create --bundle /b web
              .demo

            See also: "runc exec --help", "runc --help" for the global options.

            """)
    }

    @Test func usageLines() throws {
        func usage(_ name: String) throws -> String { try #require(demo.command(named: name)).synopsis }
        #expect(try usage("exec") == "exec [options] CONTAINER [COMMAND...]")
        #expect(try usage("run") == "run CONTAINER [-- COMMAND...]")
        #expect(try usage("kill") == "kill [options] CONTAINER [SIGNAL]")
    }

    @Test("no line is wider than the terminal, which is taken to have 40 columns at least", arguments: [1, 40, 41, 60, 80, 200])
    func width(width: Int) throws {
        let texts = [demo.helpText(width: width), demo.helpText(for: .completion, width: width)]
        for line in texts.flatMap({ $0.split(separator: "\n") }) where !line.hasPrefix("  %") {
            let isVerbatim = line.hasPrefix("Usage:") || line.hasPrefix("  demo ") || line.hasPrefix("  source")
            #expect(line.count <= max(40, width) || isVerbatim, "\(line)")
            #expect(!line.hasSuffix(" "), "\(line)")
        }
    }

    @Test func wrapping() {
        #expect(wrapped("", width: 10) == [""])
        #expect(wrapped("a bb ccc", width: 4) == ["a bb", "ccc"])
        #expect(wrapped("aaaaaaaaaaaa b", width: 4) == ["aaaaaaaaaaaa", "b"])
        #expect(wrapped("aa b\u{A0}c", width: 5) == ["aa", "b c"])
    }

    @Test("bold headings are for terminals that people did not ask to be quiet")
    func styles() {
        #expect(demo.helpText(style: .bold).contains("\u{1B}[1mUsage:\u{1B}[0m demo [global"))
        #expect(!demo.helpText(style: .plain).contains("\u{1B}"))
        #expect(Style(isTerminal: true, noColor: nil, terminal: "xterm") == .bold)
        #expect(Style(isTerminal: true, noColor: "", terminal: "xterm") == .bold)
        #expect(Style(isTerminal: false, noColor: nil, terminal: "xterm") == .plain)
        #expect(Style(isTerminal: true, noColor: "1", terminal: "xterm") == .plain)
        #expect(Style(isTerminal: true, noColor: nil, terminal: "dumb") == .plain)
        #expect(Style(isTerminal: true, noColor: nil, terminal: nil) == .plain)
    }

    @Test("the version names the program as it was called")
    func version() {
        #expect(demo.versionText == "demo version 1.2.3\ncommit: abc\n")
        #expect(demo.called("/usr/sbin/runc").versionText == "runc version 1.2.3\ncommit: abc\n")
        #expect(demo.called("").invokedName == "demo")
        #expect(demo.called("/").invokedName == "demo")
    }
}
