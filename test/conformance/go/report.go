// How the Go client reports to the test that started it: see external-program.ts for the lines it speaks.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"runtime/debug"
	"time"
)

const deadline = 10 * time.Second

// failure is what require and its like panic with; runScenario turns it into the scenario's error.
type failure string

type scenario struct {
	sentence string
	run      func(url string)
}

var answers = bufio.NewScanner(os.Stdin)

func runAll(scenarios []scenario) {
	url := os.Args[len(os.Args)-1]
	for _, each := range scenarios {
		say(map[string]any{"scenario": each.sentence, "error": runScenario(each, url)})
	}
	say(map[string]any{"finished": len(scenarios)})
}

// runScenario returns nil, or the text of the scenario's failure.
func runScenario(each scenario, url string) (text any) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case failure:
			text = string(cause)
		default:
			text = fmt.Sprintf("%v\n%s", cause, debug.Stack())
		}
	}()
	each.run(url)
	return nil
}

// takeBrokerDown tells whether the broker was stopped in order, of which clients are told.
func takeBrokerDown() bool { return ask("go-down") == "stopped" }

func bringBrokerBack() { ask("come-back") }

// fillDisk tells whether the broker can no longer write from now on; where its disk is out of reach it can.
func fillDisk() bool { return ask("fill-disk") == "full" }

func freeDisk() { ask("free-disk") }

func ask(what string) string {
	say(map[string]any{"ask": what})
	if !answers.Scan() {
		panic(failure("the test did not answer " + what))
	}
	return answers.Text()
}

func say(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

// require fails the scenario when err is set.
func require(err error) {
	if err != nil {
		panic(failure(err.Error()))
	}
}

// expect fails the scenario unless both are deeply equal.
func expect(what string, actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(failure(fmt.Sprintf("%s: expected %#v, got %#v", what, expected, actual)))
	}
}

// receive takes the next value of a channel, which must come before the deadline.
func receive[T any](what string, from <-chan T) T {
	select {
	case value, isOpen := <-from:
		if !isOpen {
			panic(failure(what + ": the channel was closed"))
		}
		return value
	case <-time.After(deadline):
		panic(failure("still waiting for " + what))
	}
}

// eventually calls probe until it is true. Every probe is a round trip to the broker.
func eventually(what string, probe func() bool) {
	for giveUpAt := time.Now().Add(deadline); !probe(); {
		if time.Now().After(giveUpAt) {
			panic(failure("still waiting for " + what))
		}
	}
}

func uniqueName(word string) string {
	return fmt.Sprintf("conformance.%s.%08x", word, names.Uint32())
}

var names = rand.New(rand.NewSource(time.Now().UnixNano()))
