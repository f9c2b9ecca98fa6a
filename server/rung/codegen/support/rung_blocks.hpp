// The standard function blocks (ed. 3 tables 43 to 46, ed. 2 annex E).
//
// Each is a plain struct whose members are inputs, outputs and hidden state, in the order of semantics/stdlib/blocks.py, all zero
// at the start. `run()` is one call of the block: set the inputs, run, read the outputs. Elapsed time is the difference of
// `rung::now()` between calls.
#ifndef RUNG_BLOCKS_HPP
#define RUNG_BLOCKS_HPP

#include "rung_numeric.hpp"

namespace rung {

// Set dominates.
struct SR {
  bool S1, R, Q1;

  void run() { Q1 = S1 || (Q1 && !R); }
};

// Reset dominates.
struct RS {
  bool S, R1, Q1;

  void run() { Q1 = !R1 && (S || Q1); }
};

// Q is TRUE in the call that finds CLK risen, also when CLK is TRUE in the first call of all.
struct R_TRIG {
  bool CLK, Q, M;

  void run() {
    Q = CLK && !M;
    M = CLK;
  }
};

// Q is TRUE in the call that finds CLK fallen, and, as the standard notes, in the first call of all if CLK is FALSE there.
struct F_TRIG {
  bool CLK, Q, M;

  void run() {
    Q = !CLK && !M;
    M = !CLK;
  }
};

// The counters stop only at the ends of their type, as the standard's bodies do (CV < PVmax, CV > PVmin).

template <class T>
struct CountUp {
  bool CU, R;
  T PV;
  bool Q;
  T CV;
  bool M;

  void run() {
    if (R)
      CV = 0;
    else if (CU && !M && CV < highest<T>())
      CV = T(CV + 1);
    M = CU;
    Q = CV >= PV;
  }
};

template <class T>
struct CountDown {
  bool CD, LD;
  T PV;
  bool Q;
  T CV;
  bool M;

  void run() {
    if (LD)
      CV = PV;
    else if (CD && !M && CV > lowest<T>())
      CV = T(CV - 1);
    M = CD;
    Q = CV <= 0;
  }
};

// Both edges in one call cancel each other.
template <class T>
struct CountUpDown {
  bool CU, CD, R, LD;
  T PV;
  bool QU, QD;
  T CV;
  bool MU, MD;

  void run() {
    const bool up = CU && !MU, down = CD && !MD;
    if (R)
      CV = 0;
    else if (LD)
      CV = PV;
    else if (up && !down && CV < highest<T>())
      CV = T(CV + 1);
    else if (down && !up && CV > lowest<T>())
      CV = T(CV - 1);
    MU = CU;
    MD = CD;
    QU = CV >= PV;
    QD = CV <= 0;
  }
};

typedef CountUp<int16_t> CTU, CTU_INT;
typedef CountUp<int32_t> CTU_DINT;
typedef CountUp<int64_t> CTU_LINT;
typedef CountUp<uint32_t> CTU_UDINT;
typedef CountUp<uint64_t> CTU_ULINT;
typedef CountDown<int16_t> CTD, CTD_INT;
typedef CountDown<int32_t> CTD_DINT;
typedef CountDown<int64_t> CTD_LINT;
typedef CountDown<uint32_t> CTD_UDINT;
typedef CountDown<uint64_t> CTD_ULINT;
typedef CountUpDown<int16_t> CTUD, CTUD_INT;
typedef CountUpDown<int32_t> CTUD_DINT;
typedef CountUpDown<int64_t> CTUD_LINT;
typedef CountUpDown<uint32_t> CTUD_UDINT;
typedef CountUpDown<uint64_t> CTUD_ULINT;

// ET for a timer that began at `start`, at most PT; a negative PT counts as zero.
inline Duration elapsed(Duration start, Duration limit) {
  const Duration time = Duration(DurationBits(now()) - DurationBits(start));
  return time < limit ? time : limit > 0 ? limit : 0;
}

// A pulse of PT from the rising edge of IN; edges during the pulse do nothing. PT may change while it runs.
struct TP {
  bool IN;
  Duration PT;
  bool Q;
  Duration ET;
  bool M;
  Duration START;

  void run() {
    const bool was_idle = !Q;
    if (was_idle && IN && !M) {
      Q = true;
      START = now();
    }
    if (Q) {
      ET = elapsed(START, PT);
      Q = ET < PT;
    }
    if (!Q && !IN) ET = 0;
    M = IN;
  }
};

// Q follows IN when it has been TRUE for PT; with PT = T#0s at once.
struct TON {
  bool IN;
  Duration PT;
  bool Q;
  Duration ET;
  bool M;
  Duration START;

  void run() {
    if (!IN) {
      Q = false;
      ET = 0;
    } else {
      if (!M) START = now();
      if (!Q) {
        ET = elapsed(START, PT);
        Q = ET >= PT;
      }
    }
    M = IN;
  }
};

// Q is TRUE with IN and for PT after it; with PT = T#0s it falls with IN.
struct TOF {
  bool IN;
  Duration PT;
  bool Q;
  Duration ET;
  bool M;
  Duration START;

  void run() {
    if (IN) {
      Q = true;
      ET = 0;
    } else {
      if (M) START = now();
      if (Q) {
        ET = elapsed(START, PT);
        Q = ET < PT;
      }
    }
    M = IN;
  }
};

typedef TP TP_TIME, TP_LTIME;
typedef TON TON_TIME, TON_LTIME;
typedef TOF TOF_TIME, TOF_LTIME;

inline float in_seconds(Duration time) { return float(double(time) / double(TICKS_PER_S)); }

struct INTEGRAL {
  bool RUN, R1;
  float XIN, X0;
  Duration CYCLE;
  bool Q;
  float XOUT;

  void run() {
    Q = !R1;
    if (R1)
      XOUT = X0;
    else if (RUN)
      XOUT += XIN * in_seconds(CYCLE);
  }
};

// The slope through the last four samples. Without a sampling period it is zero.
struct DERIVATIVE {
  bool RUN;
  float XIN;
  Duration CYCLE;
  float XOUT, X1, X2, X3;

  void run() {
    if (!RUN) {
      XOUT = 0;
      X1 = X2 = X3 = XIN;
      return;
    }
    const float span = 10.0f * in_seconds(CYCLE);
    XOUT = span > 0 ? (3.0f * (XIN - X3) + X1 - X2) / span : 0.0f;
    X3 = X2;
    X2 = X1;
    X1 = XIN;
  }
};

// XOUT = KP * (error + integral / TR + slope * TD) with error = PV - SP and TR, TD in seconds. While AUTO is FALSE the integral is
// held where KP * X0 comes out, so that switching over is smooth. TR = 0 switches the integral off.
struct PID {
  bool AUTO;
  float PV, SP, X0, KP, TR, TD;
  Duration CYCLE;
  float XOUT, ERROR;
  INTEGRAL ITERM;
  DERIVATIVE DTERM;

  void run() {
    ERROR = PV - SP;
    ITERM.RUN = AUTO;
    ITERM.R1 = !AUTO;
    ITERM.XIN = ERROR;
    ITERM.X0 = TR * (X0 - ERROR);
    ITERM.CYCLE = CYCLE;
    ITERM.run();
    DTERM.RUN = AUTO;
    DTERM.XIN = ERROR;
    DTERM.CYCLE = CYCLE;
    DTERM.run();
    const float integral = TR != 0 ? ITERM.XOUT / TR : AUTO ? 0.0f : X0 - ERROR;
    XOUT = KP * (ERROR + integral + DTERM.XOUT * TD);
  }
};

// From X0 to X1 in TR, one CYCLE further with each call.
struct RAMP {
  bool RUN;
  float X0, X1;
  Duration TR, CYCLE;
  bool BUSY;
  float XOUT, XI;
  Duration T;

  void run() {
    BUSY = RUN && T < TR;
    if (!RUN) {
      XOUT = XI = X0;
      T = 0;
    } else if (BUSY) {
      XOUT = XI + (X1 - XI) * in_seconds(T) / in_seconds(TR);
      T = Duration(DurationBits(T) + DurationBits(CYCLE));
    } else {
      XOUT = X1;
    }
  }
};

// Q rises when XIN1 exceeds XIN2 by more than EPS, and falls when it is below by more than EPS.
struct HYSTERESIS {
  float XIN1, XIN2, EPS;
  bool Q;

  void run() { Q = Q ? !(XIN1 < XIN2 - EPS) : XIN1 > XIN2 + EPS; }
};

// A clock that is set to PDT when IN rises and runs on while IN is TRUE; CDT keeps its last value while IN is FALSE.
struct RTC {
  bool IN;
  Moment PDT;
  bool Q;
  Moment CDT;
  bool M;
  Duration LAST;  // when it was called last
  Moment CLOCK;   // what CDT was then

  void run() {
    const Duration time = now();
    if (IN) CLOCK = M ? Moment(MomentBits(CLOCK) + MomentBits(Duration(DurationBits(time) - DurationBits(LAST)))) : PDT;
    if (IN) CDT = CLOCK;
    LAST = time;
    Q = M = IN;
  }
};

// Claiming dominates.
struct SEMA {
  bool CLAIM, RELEASE, BUSY;

  void run() { BUSY = CLAIM || (BUSY && !RELEASE); }
};

}  // namespace rung

#endif
