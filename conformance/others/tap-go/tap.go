// Package tap writes the Test Anything Protocol, version 13: as much of github.com/mndrix/tap-go's interface as runtime-tools calls.
package tap

import (
	"encoding/json"
	"fmt"
	"strings"
)

// T counts the tests of one program.
type T struct {
	count     *int
	directive string
}

// New gives a T that has told nothing yet.
func New() *T { return &T{count: new(int)} }

// Header begins the output; 0 tests: AutoPlan tells their number at the end.
func (t *T) Header(tests int) {
	fmt.Println("TAP version 13")
	if tests > 0 {
		fmt.Printf("1..%d\n", tests)
	}
}

// AutoPlan tells how many tests there were.
func (t *T) AutoPlan() { fmt.Printf("1..%d\n", *t.count) }

// Todo gives a T whose tests may fail.
func (t *T) Todo() *T { return &T{count: t.count, directive: " # TODO"} }

// Ok tells the outcome of one test.
func (t *T) Ok(passed bool, description string) {
	word := "not ok"
	if passed {
		word = "ok"
	}
	*t.count++
	fmt.Printf("%s %d - %s%s\n", word, *t.count, line(description), t.directive)
}

// Pass is a test that succeeded.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail is a test that did not.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Skip tells of tests that were not made.
func (t *T) Skip(tests int, description string) {
	for ; tests > 0; tests-- {
		*t.count++
		fmt.Printf("ok %d # SKIP %s\n", *t.count, line(description))
	}
}

// Diagnostic is a remark.
func (t *T) Diagnostic(text string) {
	fmt.Println("# " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n# "))
}

// Diagnosticf is a remark with a format.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML tells more about the test before it. JSON is YAML, too.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err == nil {
		fmt.Printf("  ---\n  %s\n  ...\n", text)
	}
	return err
}

// line keeps a description on one line, where a reader looks for it.
func line(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", " ") }
