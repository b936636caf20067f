package main

// round is what becomes an iteration.
type round struct{ turns []*turn }

// turn is what becomes an interaction: the messages of one agent without a break,
// or an instruction and what follows until it is answered.
type turn struct {
	agent       string
	instruction *message // nil if the agent was not asked by an instruction
	messages    []*message
	answered    bool // the agent has said something
}

// waits reports whether the turn is that of an agent which has not yet answered its
// instruction.
func (t *turn) waits() bool { return t.instruction != nil && !t.answered }

func (t *turn) add(m *message) {
	t.messages = append(t.messages, m)
	t.answered = t.answered || m.agent == t.agent
}

// rounds are made one message after the other.
type rounds struct {
	list []*round
	turn *turn // the last one; nil before the first, and at the start of a round
}

func (r *rounds) startRound() {
	r.list = append(r.list, new(round))
	r.turn = nil
}

func (r *rounds) startTurn(t *turn) {
	if len(r.list) == 0 {
		r.startRound()
	}
	last := r.list[len(r.list)-1]
	last.turns = append(last.turns, t)
	r.turn = t
}

// say adds a message to the last turn, or begins a turn of its agent if that is over
// or another agent's.
func (r *rounds) say(m *message) {
	goesOn := r.turn != nil && r.turn.agent == m.agent && (r.turn.instruction == nil || r.turn.waits())
	if !goesOn {
		r.startTurn(&turn{agent: m.agent})
	}
	r.turn.add(m)
}

// roundsOfTeam divides the history of a team with an orchestrator. The first round
// begins with the task; each ledger but the first, in which the orchestrator looks
// at what was reached and decides how to go on, begins the next. An instruction
// begins a turn of the agent that it is for. What the orchestrator thinks before
// the answer comes is in that turn.
func roundsOfTeam(history []*message) []*round {
	var r rounds
	ledgers := 0
	for _, m := range history {
		waiting := r.turn != nil && r.turn.waits()
		switch {
		case m.kind == kindInstruction:
			r.startTurn(&turn{agent: m.to, instruction: m})
		case m.kind == kindThought && waiting:
			r.turn.add(m)
		case m.kind == kindLedger:
			if ledgers++; ledgers > 1 {
				r.startRound()
			}
			r.say(m)
		default:
			r.say(m)
		}
	}
	return r.list
}

// roundsOfChat divides the history of a group chat. A turn is what an agent says
// without a break; a round ends when the agent that opened the chat takes a new
// turn.
func roundsOfChat(history []*message) []*round {
	var r rounds
	for _, m := range history {
		if r.turn != nil && r.turn.agent != m.agent && m.agent == history[0].agent {
			r.startRound()
		}
		r.say(m)
	}
	return r.list
}
