// Doorbell and Signal (signal.hpp): nobody sleeps on while there is something to wake up for.
//
// The waiter is Capture::wait_for_packet (one ringer: the producer), or a replay's producer in open_packet and
// wait_for_reader (several ringers: the reader, returning threads, stop). Its waits have no timeout here: whoever misses
// a wake-up sleeps for ever, which Spin reports as an invalid end state. In the code the slices of 50 and 100 ms are
// for Ctrl-C; nothing depends on them.
//
// Stores go through a buffer for each thread, as on x86 (TSO), which is what the two fences are for: a store is seen by
// others some time later, unless a fence or a locked instruction has emptied the buffer. What weaker machines may do
// beside is checked on the code itself, under the C++ memory model: tests/native/relaxed/.
//
// run: -DRINGERS=1 -DRINGS=4
// run: -DRINGERS=2 -DRINGS=2
// run: -DRINGERS=3 -DRINGS=1
// bug: NO_FENCE_RINGING     invalid end state
// bug: NO_FENCE_WAITING     invalid end state
// bug: NO_SECOND_LOOK       invalid end state
// bug: RING_BEFORE_CHANGE   invalid end state
// bug: WAITING_AFTER_LOOK   invalid end state
// bug: SLEEP_UNCONDITIONALLY invalid end state
// bug: NO_WAKE              invalid end state
// bug: TWO_WAITERS          invalid end state
//
// TWO_WAITERS is no mistake in the code but the limit of its contract: "the waiting side (one thread)".

#define WAITERS 1
#ifdef TWO_WAITERS
#undef WAITERS
#define WAITERS 2
#endif
#define THREADS (RINGERS + WAITERS)

// Shared memory.
byte made[RINGERS];           // how many things each ringer has made (a cell's turn, the queue's tail, stopping_)
bool waiting;                 // Doorbell::waiting_
bool word;                    // Signal::word_
bool asleep[WAITERS];         // in the kernel, in FUTEX_WAIT

byte finished;

#define WAITING RINGERS       // a buffered store: which variable (made[0..], or waiting), and its value
chan stores[THREADS] = [3] of { byte, byte };
#define fence(me) (empty(stores[me]))

active [THREADS] proctype memory() {
  byte variable, stored, me = _pid;
end:
  do
  :: atomic {
       stores[me] ? variable, stored ->
       if
       :: variable == WAITING -> waiting = stored
       :: else -> made[variable] = stored
       fi;
       variable = 0;
       stored = 0
     }
  od
}

// Doorbell::ring, with Signal::raise
inline ring(me) {
#ifndef NO_FENCE_RINGING
  fence(me);
#endif
  if
  :: waiting ->
     atomic { fence(me) -> before = word; word = true };   // exchange: a locked instruction empties the buffer
     if
     :: !before ->
#ifndef NO_WAKE
        atomic {                                           // FUTEX_WAKE of one
          if
          :: asleep[0] -> asleep[0] = false
#ifdef TWO_WAITERS
          :: asleep[1] -> asleep[1] = false
#endif
          :: else
          fi
        }
#endif
     :: else
     fi
  :: else
  fi
}

proctype ringer(byte me) {
  byte count;
  bool before;
  do
  :: count < RINGS ->
     count++;
#ifdef RING_BEFORE_CHANGE
     ring(me);
     stores[me] ! me, count
#else
     stores[me] ! me, count;
     ring(me)
#endif
  :: else -> break
  od;
  atomic { count = 0; before = false }
}

// What the waiter has taken is its own; ready() is whether there is more.
#define MORE (made[0] > taken[0] || (RINGERS > 1 && made[1 % RINGERS] > taken[1 % RINGERS]) || \
              (RINGERS > 2 && made[2 % RINGERS] > taken[2 % RINGERS]))

proctype waiter(byte nth) {
  byte taken[RINGERS];
  byte i, me = RINGERS + nth;
  bool raised;
  do
  :: atomic { for (i : 0 .. RINGERS - 1) { taken[i] = made[i] } };
     i = 0;
     if
     :: taken[0] == RINGS && taken[RINGERS - 1] == RINGS && taken[RINGERS / 2] == RINGS -> break
     :: else
     fi;
     // Doorbell::wait_for: looks some times before it sleeps, or not at all.
     if
     :: MORE -> goto again
     :: true
     fi;
#ifndef WAITING_AFTER_LOOK
     stores[me] ! WAITING, true;
#ifndef NO_FENCE_WAITING
     fence(me);
#endif
#endif
     if
#ifndef NO_SECOND_LOOK
     :: MORE
#endif
     :: else ->
#ifdef WAITING_AFTER_LOOK
        stores[me] ! WAITING, true;
        fence(me);
#endif
        // Signal::wait_for
        atomic { fence(me) -> raised = word; word = false };
        if
        :: raised
        :: else ->
           atomic {           // FUTEX_WAIT: sleeps only if the word is still 0
             if
#ifndef SLEEP_UNCONDITIONALLY
             :: word
#endif
             :: else -> asleep[nth] = true
             fi
           };
           !asleep[nth];
           atomic { raised = word; word = false }
        fi
     fi;
     stores[me] ! WAITING, false;
again:
     raised = false
  od;
  finished++
}

init {
  byte i;
  atomic {
    for (i : 0 .. RINGERS - 1) { run ringer(i) };
    for (i : 0 .. WAITERS - 1) { run waiter(i) };
    i = 0
  };
  finished == WAITERS
}
