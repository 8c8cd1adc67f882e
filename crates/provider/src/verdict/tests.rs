mod cases;
mod service;
