//! What holds for the project itself, whatever the program does.

mod layers;
