import CLI
import Testing

@Suite struct TableTests {
    @Test func columns() {
        var table = Table(["ID", "PID", "STATUS", "BUNDLE", "OWNER"])
        #expect(table.text == "ID          PID         STATUS      BUNDLE      OWNER\n")
        table.add(["web1", "4711", "running", "/srv/bundles/web", "root"])
        table.add(["a-much-longer-id", "0", "stopped", "/b\n\u{1B}[31m", ""])
        table.add(["x", "", "", "", ""])
        #expect(table.text == """
            ID                 PID         STATUS      BUNDLE             OWNER
            web1               4711        running     /srv/bundles/web   root
            a-much-longer-id   0           stopped     /b\\n\\u{1b}[31m
            x

            """)
    }

    @Test func emptyCells() {
        var table = Table(["A", "B", "C"], leastWidth: 0, gap: 2)
        table.add(["1", "", "3"])
        #expect(table.text == "A  B  C\n1     3\n")
    }
}

@Suite struct HumanTests {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1049, "1.0 kB"), (1050, "1.1 kB"), (1_400_000, "1.4 MB"), (99_949, "99.9 kB"),
        (99_950, "100 kB"), (142_400_000, "142 MB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (1_000_000_000, "1.0 GB"),
        (UInt64.max, "18.4 EB"),
    ] as [(UInt64, String)])
    func bytes(count: UInt64, text: String) { #expect(humanBytes(count) == text) }

    @Test func seconds() {
        #expect(humanSeconds(0) == "0 s")
        #expect(humanSeconds(59) == "59 s")
        #expect(humanSeconds(125) == "2 min 5 s")
        #expect(humanSeconds(12000) == "3 h 20 min")
    }
}

@Suite struct ProgressBarTests {
    let bar = ProgressBar("layer 3 of 5", done: 14_200_000, total: 27_100_000, bytesPerSecond: 5_400_000)

    @Test func widths() {
        #expect(bar.line(width: 100) == "layer 3 of 5  [===================>                  ]   52%  14.2 MB of 27.1 MB  5.4 MB/s  3 s left")
        #expect(bar.line(width: 80) == "layer 3 of 5  [=========>        ]   52%  14.2 MB of 27.1 MB  5.4 MB/s  3 s left")
        #expect(bar.line(width: 60) == "layer 3 of 5  [====>   ]   52%  14.2 MB of 27.1 MB  5.4 MB/s")
        #expect(bar.line(width: 50) == "layer 3 of 5  [====>   ]   52%  14.2 MB of 27.1 MB")
        #expect(bar.line(width: 30) == "layer 3 of 5  [====>   ]   52%")
        #expect(bar.line(width: 20) == "layer 3 of 5   52%")
        #expect(bar.line(width: 8) == "layer 3 ")
        #expect(bar.line(width: 0) == "")
        #expect(bar.line(width: -1) == "")
    }

    @Test func everyWidthHolds() {
        for width in 0...200 { #expect(bar.line(width: width).unicodeScalars.count <= width) }
    }

    @Test func ends() {
        #expect(ProgressBar("x", done: 0, total: 10).line(width: 40) == "x  [>               ]    0%  0 B of 10 B")
        #expect(ProgressBar("x", done: 10, total: 10).line(width: 40) == "x  [===============]  100%  10 B of 10 B")
        #expect(ProgressBar("x", done: 11, total: 10, bytesPerSecond: 0).line(width: 60).contains("100%"))
        #expect(ProgressBar("x", done: 0, total: 0).line(width: 40).contains("100%"))
        #expect(ProgressBar("x", done: .max - 1, total: .max).line(width: 60).contains(" 99%"))
        #expect(ProgressBar("x", done: 1, total: .max, bytesPerSecond: 1).line(width: 90).contains("left"))
        #expect(ProgressBar("x\n\u{1B}", done: 5, bytesPerSecond: 2).line(width: 60) == "x\\n\\u{1b}  5 B  2 B/s")
    }
}
