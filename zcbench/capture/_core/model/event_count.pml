// EventCount and Event (event_count.hpp): nobody sleeps on while there is something to wake up for.
//
// The waiter is Capture::wait_for_packet (one notifier: the producer), or a replay's producer in open_packet and
// wait_for_reader (several notifiers: the reader, returning threads, stop). Its waits have no timeout here: whoever misses
// a wake-up sleeps for ever, which Spin reports as an invalid end state. In the code the slices of 50 and 100 ms are
// for Ctrl-C; nothing depends on them.
//
// Stores go through a buffer for each thread, as on x86 (TSO), which is what the two fences are for: a store is seen by
// others some time later, unless a fence or a locked instruction has emptied the buffer. What weaker machines may do
// beside is checked on the code itself, under the C++ memory model: tests/native/relaxed/.
//
// run: -DNOTIFIERS=1 -DNOTIFICATIONS=4
// run: -DNOTIFIERS=2 -DNOTIFICATIONS=2
// run: -DNOTIFIERS=3 -DNOTIFICATIONS=1
// bug: NO_FENCE_NOTIFYING  invalid end state
// bug: NO_FENCE_WAITING  invalid end state
// bug: NO_SECOND_LOOK  invalid end state
// bug: NOTIFY_BEFORE_CHANGE  invalid end state
// bug: WAITING_AFTER_LOOK  invalid end state
// bug: SLEEP_UNCONDITIONALLY  invalid end state
// bug: NO_WAKE  invalid end state
// bug: TWO_WAITERS  invalid end state
//
// TWO_WAITERS is no mistake in the code but the limit of its contract: "the waiting side (one thread)".

#define WAITERS 1
#ifdef TWO_WAITERS
#undef WAITERS
#define WAITERS 2
#endif
#define THREADS (NOTIFIERS + WAITERS)

// Shared memory.
byte made[NOTIFIERS];           // how many things each notifier has made (a cell's turn, the queue's tail, stopping_)
bool waiting;                 // EventCount::waiting_
bool word;                    // Event::word_
bool asleep[WAITERS];         // in the kernel, in FUTEX_WAIT

byte finished;

#define WAITING NOTIFIERS       // a buffered store: which variable (made[0..], or waiting), and its value
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

// EventCount::notify, with Event::set
inline notify(me) {
#ifndef NO_FENCE_NOTIFYING
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

proctype notifier(byte me) {
  byte count;
  bool before;
  do
  :: count < NOTIFICATIONS ->
     count++;
#ifdef NOTIFY_BEFORE_CHANGE
     notify(me);
     stores[me] ! me, count
#else
     stores[me] ! me, count;
     notify(me)
#endif
  :: else -> break
  od;
  atomic { count = 0; before = false }
}

// What the waiter has taken is its own; ready() is whether there is more.
#define MORE (made[0] > taken[0] || (NOTIFIERS > 1 && made[1 % NOTIFIERS] > taken[1 % NOTIFIERS]) || \
              (NOTIFIERS > 2 && made[2 % NOTIFIERS] > taken[2 % NOTIFIERS]))

proctype waiter(byte nth) {
  byte taken[NOTIFIERS];
  byte i, me = NOTIFIERS + nth;
  bool was_set;
  do
  :: atomic { for (i : 0 .. NOTIFIERS - 1) { taken[i] = made[i] } };
     i = 0;
     if
     :: taken[0] == NOTIFICATIONS && taken[NOTIFIERS - 1] == NOTIFICATIONS && taken[NOTIFIERS / 2] == NOTIFICATIONS -> break
     :: else
     fi;
     // EventCount::wait_for: spins before it sleeps, or not at all.
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
        // Event::wait_for
        atomic { fence(me) -> was_set = word; word = false };
        if
        :: was_set
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
           atomic { was_set = word; word = false }
        fi
     fi;
     stores[me] ! WAITING, false;
again:
     was_set = false
  od;
  finished++
}

init {
  byte i;
  atomic {
    for (i : 0 .. NOTIFIERS - 1) { run notifier(i) };
    for (i : 0 .. WAITERS - 1) { run waiter(i) };
    i = 0
  };
  finished == WAITERS
}
