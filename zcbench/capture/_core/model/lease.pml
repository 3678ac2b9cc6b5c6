// The life of a Stream (module.cpp): counted by hand under the GIL, deleted by whoever drops the last reference.
//
// Checked: nothing touches a stream that was deleted, not the driver's thread either; it is deleted once, with every slot
// back in its pool. What keeps a lease alive (arrays, views) is CPython's own counting and not modelled.
//
// run: -DSLOTS=2 -DLIMIT=3 -DREADS=2 -DHOLDERS=2
// run: -DSLOTS=3 -DLIMIT=3 -DREADS=3 -DHOLDERS=3
// run: -DSLOTS=1 -DLIMIT=2 -DREADS=1 -DHOLDERS=1
// bug: DROP_BEFORE_GIVE_BACK assertion: slots lost
// bug: NO_JOIN               assertion: touched after its end
// bug: NO_REFERENCE          assertion: touched after its end
// bug: DELETED_WITH_ENGINE   assertion: touched after its end
// bug: NO_DISCARD            assertion: slots lost
// bug: DROP_WITHOUT_GIL      assertion: still there

bool gil, stopping, driver_over, engine_over;
byte references = 1;                // Stream::references
bool deleted;
byte free = SLOTS, queued;
chan leases = [READS] of { bit };   // handed to other threads
byte holders_over;

#define touch() assert(!deleted)    // touched after its end
#define take_gil() atomic { !gil -> gil = true }
#define leave_gil() gil = false

// Stream::drop
inline drop() {
  count = references - 1;
  references = count;
  if
  :: count == 0 ->
     touch();
     assert(driver_over);           // touched after its end: by the driver, soon
     assert(free == SLOTS);         // slots lost
     deleted = true
  :: else
  fi
}

active proctype driver() {          // Replay::run; no GIL
  byte k;
  do
  :: k < LIMIT && !stopping ->
     k++;
     touch();
     if
     :: atomic { free > 0 -> free-- };
        touch();
        queued++                    // Capture::publish
     :: free == 0                   // dropped
     fi
  :: else -> break
  od;
  touch();                          // Capture::end
  driver_over = true
}

active proctype application() {
  byte k, count;
  do
  :: k < READS ->
     k++;
     take_gil();
     if
     :: atomic { queued > 0 -> queued-- };      // engine_read, make_packet
#ifndef NO_REFERENCE
        count = references + 1;
        references = count;
#endif
        leases ! 0
     :: queued == 0
     fi;
     leave_gil()
  :: break
  od;
  take_gil();                       // engine_dealloc
  leave_gil();                      // Py_BEGIN_ALLOW_THREADS
  stopping = true;                  // Replay::stop
#ifndef NO_JOIN
  driver_over;
#endif
  take_gil();
#ifndef NO_DISCARD
  do                                // Capture::discard_queue
  :: atomic { queued > 0 -> queued-- }; touch(); free++
  :: queued == 0 -> break
  od;
#endif
#ifdef DELETED_WITH_ENGINE
  deleted = true;
#else
  drop();
#endif
  leave_gil();
  engine_over = true
}

active [HOLDERS] proctype holder() {
  byte count;
  do
  :: leases ? _ ->
#ifdef DROP_WITHOUT_GIL
     touch();
     atomic { free++ };
     drop()
#else
     take_gil();                    // lease_dealloc
#ifdef DROP_BEFORE_GIVE_BACK
     drop();
     touch();
     free++;
#else
     touch();                       // Capture::release
     free++;
     drop();
#endif
     leave_gil()
#endif
  :: engine_over && empty(leases) -> break
  od;
  holders_over++
}

active proctype at_the_end() {
  engine_over && holders_over == HOLDERS && driver_over;
  assert(deleted)                   // still there
}
