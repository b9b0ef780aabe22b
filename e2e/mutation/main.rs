//! PROOF (pure): a rendered pod that lacks one environment name, one right or one mount is refused by the contract of the
//! program in it. Needs no server.

#[cfg(test)]
mod piece;
#[cfg(test)]
mod taking_away;
#[cfg(test)]
mod world;
