"""The shapes both servers share: error bodies, envelope, ids, pages, event streams, request models. Pure."""
