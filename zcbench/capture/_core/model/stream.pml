// A whole stream (capture.cpp, replay.cpp): the driver's thread, the reader, a thread that returns, and one that stops.
//
// Checked: nobody waits for ever, whenever stop() comes and also while the application holds every slot; at the end every
// slot is back and every captured packet was delivered or dropped. The rings are atomic here (free_ring.pml and
// packet_queue.pml take them apart), and stores are seen at once (event_count.pml does without). No wait has a timeout.
//
// HOLDS: the application returns nothing until the driver is over. LEAVES: the reader may stop reading at any packet.
// REAL: paced; a deadline may never come. Without STOP the stream runs to its limit.
//
// run: -DSLOTS=1 -DQUEUE=2 -DLIMIT=4 -DBLOCK
// run: -DSLOTS=2 -DQUEUE=1 -DLIMIT=4
// run: -DSLOTS=1 -DQUEUE=1 -DLIMIT=3 -DGROW -DHOLDS
// run: -DSLOTS=2 -DQUEUE=1 -DLIMIT=3 -DBLOCK -DSTOP -DLEAVES
// run: -DSLOTS=2 -DQUEUE=2 -DLIMIT=4 -DBLOCK -DSTOP -DHOLDS
// run: -DSLOTS=2 -DQUEUE=1 -DLIMIT=3 -DSTOP -DREAL -DLEAVES
// run: -DSLOTS=1 -DQUEUE=1 -DLIMIT=3 -DGROW -DSTOP -DREAL
// run: -DSLOTS=1 -DQUEUE=2 -DLIMIT=3 -DBLOCK -DSTOP -DREAL -DHOLDS
// bug: READ_DOES_NOT_NOTIFY      invalid end state (run 3)
// bug: RETURN_DOES_NOT_NOTIFY    invalid end state (run 1)
// bug: END_DOES_NOT_NOTIFY       invalid end state (run 1)
// bug: PUBLISH_DOES_NOT_NOTIFY   invalid end state (run 1)
// bug: STOP_DOES_NOT_NOTIFY      invalid end state (run 4)
// bug: STOP_DOES_NOT_WAKE      invalid end state (run 6)
// bug: LOOK_FORGETS_STOPPING   invalid end state (run 4)
// bug: ABANDON_KEEPS_THE_SLOT  assertion: a slot is lost (run 6)
// bug: CLOSE_DOES_NOT_DISCARD  assertion: a slot is lost (run 4)
// bug: DROP_NOT_COUNTED        assertion: neither delivered nor dropped (run 6)

#define OVERFLOW 200

chan free = [SLOTS] of { byte };   // SlotPool::free_
chan queue = [QUEUE] of { byte };  // Capture::queue_
chan held = [LIMIT] of { byte };   // what the application holds
byte overflow_live;                // slots from outside the slab
bool stopping, ended;

byte captured, delivered, drops;
bool driver_over, reader_over, stop_over, returner_over;

// EventCount and Event (event_count.hpp).
typedef EventCount { bool waiting; bool word; bool asleep };
EventCount packet_ready, resume;
bool wake_word, wake_asleep;       // Replay::wake_, an Event by itself

inline notify(event) {
  if
  :: event.waiting ->
     atomic { before = event.word; event.word = true };
     if
     :: !before -> event.asleep = false
     :: else -> before = false
     fi
  :: else
  fi
}

// EventCount::wait_for, after the spin: `ready` was found false with waiting set.
inline sleep(event) {
  atomic { before = event.word; event.word = false };
  if
  :: before
  :: else ->
     event.asleep = !event.word;     // FUTEX_WAIT compares and sleeps in one
     !event.asleep;
     event.word = false
  fi;
  before = false
}

// SlotPool::release
inline release(which) {
  if
  :: which == OVERFLOW -> overflow_live--
  :: else -> free ! which
  fi
}

// Capture::caught_up
inline caught_up() {
  ready = len(queue) < QUEUE;
  if
  :: ready ->
     ready = len(free) > 0;
     if
     :: !ready -> ready = len(queue) == 0
     :: else
     fi
  :: else
  fi
}

proctype driver() {         // Replay::run
  byte k, slot;
  bool before, ready;
  do
  :: k < LIMIT && !stopping ->
     k++;
#ifdef REAL
     // Replay::sleep_until: the deadline comes, or it does not.
     if
     :: true
     :: true ->
        do
        :: stopping -> goto over
        :: else ->
           atomic { before = wake_word; wake_word = false };
           if
           :: before
           :: else ->
              wake_asleep = !wake_word;
              !wake_asleep;
              wake_word = false
           fi
        od
     fi;
#else
     // Capture::wait_for_reader
     do
     :: caught_up();
        if
        :: ready -> break
        :: else
        fi;
        if
        :: stopping -> goto over
        :: else
        fi;
        resume.waiting = true;
        caught_up();
        if
#ifndef LOOK_FORGETS_STOPPING
        :: !ready && stopping
#endif
        :: ready
        :: else -> sleep(resume)
        fi;
        resume.waiting = false
     od;
#endif
     // Capture::open_packet
     captured++;
     slot = 0;
     if
     :: free ? slot
     :: empty(free) ->
#ifdef GROW
        slot = OVERFLOW;
        overflow_live++
#endif
#ifdef BLOCK
        do
        :: slot == 0 && !stopping ->
           resume.waiting = true;
           if
           :: nempty(free)
#ifndef LOOK_FORGETS_STOPPING
           :: empty(free) && stopping
#endif
           :: else -> sleep(resume)
           fi;
           resume.waiting = false;
           if
           :: free ? slot          // SlotPool::take_late
           :: empty(free)
           fi
        :: else -> break
        od
#endif
     fi;
     if
     :: slot == 0 ->
#ifndef DROP_NOT_COUNTED
        drops++
#endif
     :: else ->
        // Capture::publish
        if
        :: nfull(queue) ->
           queue ! slot;
#ifndef PUBLISH_DOES_NOT_NOTIFY
           notify(packet_ready)
#endif
        :: full(queue) ->          // Capture::abandon
#ifndef ABANDON_KEEPS_THE_SLOT
           release(slot);
#endif
           drops++
        fi
     fi
  :: else -> break
  od;
over:
  ended = true;                    // Capture::end
#ifndef END_DOES_NOT_NOTIFY
  notify(packet_ready);
#endif
  driver_over = true
}

proctype reader() {         // engine_read (module.cpp), again and again
  byte slot;
  bool before, ready;
  do
  :: if
     :: queue ? slot ->            // Capture::try_read
        delivered++;
#ifndef READ_DOES_NOT_NOTIFY
        notify(resume);
#endif
        held ! slot
     :: empty(queue) ->
        ready = ended;             // Capture::drained
        if
        :: ready && empty(queue) -> break
        :: else
        fi;
        packet_ready.waiting = true;    // Capture::wait_for_packet
        ready = nempty(queue);
        if
        :: !ready -> ready = ended
        :: else
        fi;
        if
        :: ready
        :: else -> sleep(packet_ready)
        fi;
        packet_ready.waiting = false
     fi
#ifdef LEAVES
  :: delivered > 0 -> break
#endif
  od;
  reader_over = true
}

proctype returner() {       // leases die in any thread, in any order
  byte slot;
  bool before;
#ifdef HOLDS
  driver_over;
#endif
  do
  :: held ?? slot ->
     release(slot);              // Capture::release
#ifndef RETURN_DOES_NOT_NOTIFY
     notify(resume)
#endif
  :: reader_over && empty(held) -> break
  od;
  returner_over = true
}

proctype stopper() {
  byte slot;
  bool before;
#ifdef STOP
  stopping = true;                 // Capture::request_stop
#ifndef STOP_DOES_NOT_NOTIFY
  notify(resume);
#endif
#ifndef STOP_DOES_NOT_WAKE
  atomic { before = wake_word; wake_word = true };
  if
  :: !before -> wake_asleep = false
  :: else
  fi;
#endif
  driver_over;                     // Replay::stop joins, then ends once more
  ended = true;
  notify(packet_ready);
#endif
#ifdef LEAVES
  reader_over;
#ifndef CLOSE_DOES_NOT_DISCARD
  do                               // Capture::discard_queue
  :: queue ? slot -> drops++; release(slot); notify(resume)
  :: empty(queue) -> break
  od;
#endif
#endif
  stop_over = true
}

proctype at_the_end() {
  driver_over && reader_over && returner_over && stop_over;
  assert(len(free) == SLOTS && overflow_live == 0);    // a slot is lost
  assert(delivered + drops == captured)                // neither delivered nor dropped
}

init {
  byte i;
  atomic {
    for (i : 1 .. SLOTS) { free ! i };
    i = 0;
    run driver();
    run reader();
    run returner();
    run stopper();
    run at_the_end()
  }
}
