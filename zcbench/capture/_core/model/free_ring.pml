// FreeRing (rings.hpp) as SlotPool uses it: acquire() pops a slot, release() pushes it, any thread does both.
//
// Checked: a slot has one owner; no slot is lost; slots come out in the order of their tickets with the value that was
// pushed under that ticket (so no ABA); every release() comes to its end.
// The bounds keep tickets below 256; the code's are 64 bits wide. compare_exchange_weak's spurious failure repeats a
// loop with nothing changed and is left out.
//
// run: -DSLOTS=2 -DTHREADS=3 -DLAPS=2     (cells = slots: a cell can look full)
// run: -DSLOTS=3 -DTHREADS=3 -DLAPS=2     (more cells than slots)
// run: -DSLOTS=1 -DTHREADS=3 -DLAPS=3
// live: -DSLOTS=2 -DTHREADS=3 -DLAPS=1
// live: -DSLOTS=2 -DTHREADS=2 -DLAPS=2
// bug: PUBLISH_BEFORE_WRITE  assertion: handed out under another ticket
// bug: LEAVE_BEFORE_READ     assertion: handed out under another ticket
// bug: HEAD_WITHOUT_CAS      assertion: handed out twice
// bug: TAIL_WITHOUT_CAS      assertion: lost (run 2)
// bug: SAME_TURN_AGAIN       never ends (run 1)
// bug: GIVE_BACK_ONCE        assertion: lost

#define CELLS (SLOTS <= 2 -> 2 : 4)  // std::bit_ceil
#define MASK (CELLS - 1)
#define TICKETS (SLOTS + THREADS * LAPS + 1)

byte turn[4], value[4];  // Cell
byte head, tail;

// What the code does not have, for the checks only.
byte owner[SLOTS + 1];  // 0: in the pool, else the thread; slots count from 1
byte pushed[TICKETS];   // the slot pushed under each ticket
byte done;

// FreeRing::push
inline push(slot) {
  at = tail;
  do
  :: seen = turn[at & MASK];
     if
     :: seen == at ->
#ifdef TAIL_WITHOUT_CAS
        won = (tail == at);
        atomic { tail = at + 1; pushed[at] = slot };
#else
        atomic {
          won = (tail == at);
          if
          :: won -> pushed[at] = slot; tail = at + 1
          :: else -> at = tail
          fi
        };
#endif
        if
        :: won ->
#ifdef PUBLISH_BEFORE_WRITE
           turn[at & MASK] = at + 1;
           value[at & MASK] = slot;
#else
           value[at & MASK] = slot;
           turn[at & MASK] = at + 1;
#endif
           ok = true;
           break
        :: else
        fi
     :: seen < at -> ok = false; break
     :: seen > at -> at = tail
     fi
  od
}

// FreeRing::pop
inline pop(slot) {
  at = head;
  do
  :: seen = turn[at & MASK];
     if
     :: seen == at + 1 ->
#ifdef HEAD_WITHOUT_CAS
        won = (head == at);
        head = at + 1;
#else
        atomic {
          won = (head == at);
          if
          :: won -> head = at + 1
          :: else -> at = head
          fi
        };
#endif
        if
        :: won ->
#ifdef LEAVE_BEFORE_READ
           turn[at & MASK] = at + MASK + 1;
           slot = value[at & MASK];
#else
           slot = value[at & MASK];
#ifdef SAME_TURN_AGAIN
           turn[at & MASK] = at + MASK;
#else
           turn[at & MASK] = at + MASK + 1;
#endif
#endif
           ok = true;
           break
        :: else
        fi
     :: seen < at + 1 -> ok = false; break
     :: seen > at + 1 -> at = head
     fi
  od
}

proctype thread(byte me) {
  byte lap, at, seen, slot;
  bool won, ok;
  do
  :: lap < LAPS ->
     lap++;
     pop(slot);  // SlotPool::acquire
     if
     :: ok ->
        atomic {
          assert(owner[slot] == 0);     // handed out twice
          assert(pushed[at] == slot);   // handed out under another ticket
          owner[slot] = me
        };
        owner[slot] = 0;                // SlotPool::release
        do
        :: push(slot);
           if
           :: ok -> break
           :: else
#ifdef GIVE_BACK_ONCE
              -> break
#endif
           fi
        od
     :: else                            // a miss
     fi;
     atomic { at = 0; seen = 0; slot = 0; won = false; ok = false }
  :: else -> break
  od;
  done++
}

init {
  byte i;
  atomic {
    for (i : 0 .. MASK) { turn[i] = i };
    for (i : 1 .. SLOTS) {              // SlotPool::SlotPool
      value[tail & MASK] = i;
      pushed[tail] = i;
      turn[tail & MASK] = tail + 1;
      tail++
    };
    for (i : 1 .. THREADS) { run thread(i) }
  };
  done == THREADS;
  d_step {
    assert(tail - head == SLOTS);       // lost
    for (i : head .. tail - 1) {
      assert(turn[i & MASK] == i + 1);  // lost
      assert(owner[value[i & MASK]] == 0);
      owner[value[i & MASK]] = 255      // lost: there twice, another missing
    }
  }
}

#ifdef LIVE
ltl every_return_ends { <> (done == THREADS) }
#endif
